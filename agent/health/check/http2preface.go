// SPDX-License-Identifier: Apache-2.0

package check

import "fmt"

// The header of a SETTINGS frame (RFC 9113 section 6.5): its type, and where it stands behind the three bytes of a length.
const (
	frameType     = 3
	frameSettings = 4
	frameStream   = 5
	frameHeader   = 9
)

// mostSettings bounds what a length may say to be believed: frames are no longer unless one side allows it (RFC 9113 section 4.2).
const mostSettings = 1 << 14

// NotHTTP2 says that what a real server sent first does not begin an HTTP/2 connection: it has to be a SETTINGS frame of the whole
// connection (RFC 9113 section 3.4). nil: it does, as far as it goes.
func NotHTTP2(heard []byte) error {
	if !beginsHTTP2(heard) {
		return fmt.Errorf("the answer is not HTTP/2: %s", Begins(heard))
	}
	return nil
}

// beginsHTTP2 goes as far as heard does.
func beginsHTTP2(heard []byte) bool {
	length := 0
	for i, b := range heard[:min(len(heard), frameHeader)] {
		switch {
		case i < frameType:
			length = length<<8 | int(b)
		case i == frameType && (b != frameSettings || length > mostSettings), i == frameStream && b&0x7f != 0, i > frameStream && b != 0:
			return false
		}
	}
	return true
}
