// SPDX-License-Identifier: Apache-2.0

package check

// Begins says what the answer is that is not of the protocol that was asked for, as it may stand in a line of a log: the name of another
// protocol that is no text, or its beginning.
func Begins(heard []byte) string {
	switch {
	case len(heard) >= frameHeader && beginsHTTP2(heard):
		return "it is HTTP/2"
	case beginsTLS(heard):
		return "it is TLS"
	}
	return "it begins with " + Quote(heard)
}

// beginsTLS says whether an answer begins with a TLS record (RFC 8446 section 5.1): an alert or a handshake, of a version that is 3 and
// something.
func beginsTLS(heard []byte) bool {
	const alert, handshake, version = 21, 22, 3
	return len(heard) > 1 && (heard[0] == alert || heard[0] == handshake) && heard[1] == version
}
