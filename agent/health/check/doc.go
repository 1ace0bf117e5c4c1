// SPDX-License-Identifier: Apache-2.0

// Package check is what checks of real servers say and how they judge the answers, one kind a file: values that are compared, validated
// and printed, and functions of bytes; it never opens a socket, reads a clock or remembers anything.
package check

import "net/netip"

// Check is one kind of check with its settings. Its dynamic type is one of this package, comparable, so that real servers that are checked
// alike have equal Checks.
type Check interface {
	// Kind names the dynamic type, for example "tcp". It is kept in files, so it stays as it is.
	Kind() string
	// String is the check in an operator's words, for example "tcp" or "http GET /healthz".
	String() string
	// Validate returns nil, or every limit that the check breaks, joined into one error.
	Validate() error
}

// Spoken is a check that is made by words on a TCP connection.
type Spoken interface {
	Check
	// Dialogue is the check made ready. It is made once for many real servers; the check is valid.
	Dialogue() Dialogue
}

// Dialogue is the director's part in a conversation. Its methods are functions of their arguments, and safe for concurrent use.
type Dialogue interface {
	// Open appends to say what the director says first, to the real server at address; nothing: it waits to be spoken to.
	Open(say []byte, address netip.AddrPort) []byte
	// Hear judges what was heard. said is how often the director has spoken since Open; heard all that came so far; and end says that no
	// more will come: the real server has closed, or heard is as long as MostHeard.
	Hear(said int, heard []byte, end bool) Answer
}

// MostHeard is how many bytes of an answer a check looks at. What comes after them is not read.
const MostHeard = 64 << 10

// Answer is what Dialogue.Hear made of what it heard.
type Answer struct {
	// Say is what the director says next, which the caller does not change; nothing: it goes on listening.
	Say []byte
	// Done ends the check, passed if Failure is nil.
	Done bool
	// Failure is why the check did not pass, in an operator's words and without the address.
	Failure error
	// Weight is what the answer gives, where the check looks for one.
	Weight Weight
}

// listen goes on listening.
func listen() Answer { return Answer{} }

// pass ends a check that passed.
func pass() Answer { return Answer{Done: true} }

// fail ends a check that did not pass.
func fail(failure error) Answer { return Answer{Done: true, Failure: failure} }
