// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/binary"
	"fmt"
)

// Kind says what a message of the kernel is.
type Kind uint8

// Kinds of messages.
const (
	// Other is nothing that concerns a request.
	Other Kind = iota
	// Answer carries attributes.
	Answer
	// Verdict ends a request: it was done (Errno 0) or refused (NLMSG_ERROR).
	Verdict
	// End ends a dump, with Errno (NLMSG_DONE).
	End
)

// Message is one message of the kernel.
type Message struct {
	Kind Kind
	// Sequence is that of the request.
	Sequence uint32
	// Interrupted says that what is dumped changed meanwhile, so that the dump may lack some of it (NLM_F_DUMP_INTR).
	Interrupted bool
	// Errno is the error number of a Verdict or an End, positive; 0: none.
	Errno int
	// Body is the attributes of an Answer, inside the bytes that were read.
	Body []byte
}

// Next reads the first message of what one receive returned, and gives the bytes behind it.
func Next(b []byte) (Message, []byte, error) {
	if len(b) < nlmsgHeaderSize {
		return Message{}, nil, fmt.Errorf("%d bytes are shorter than a netlink header", len(b))
	}
	length := uint64(binary.NativeEndian.Uint32(b))
	if length < nlmsgHeaderSize || length > uint64(len(b)) {
		return Message{}, nil, fmt.Errorf("netlink message of length %d, with %d bytes left", length, len(b))
	}
	message := Message{
		Sequence:    binary.NativeEndian.Uint32(b[8:]),
		Interrupted: binary.NativeEndian.Uint16(b[6:])&flagInterrupted != 0,
	}
	body, rest := b[nlmsgHeaderSize:length], b[min(padded(int(length)), len(b)):]
	switch kind := binary.NativeEndian.Uint16(b[4:]); {
	case kind == nlmsgError || kind == nlmsgDone:
		if len(body) < 4 {
			return Message{}, nil, fmt.Errorf("netlink message of type %d without an error number", kind)
		}
		message.Kind = Verdict
		if kind == nlmsgDone {
			message.Kind = End
		}
		message.Errno = errno(int32(binary.NativeEndian.Uint32(body)))
	case kind >= nlmsgMinType:
		if len(body) < genlHeaderSize {
			return Message{}, nil, fmt.Errorf("answer of %d bytes is shorter than a generic netlink header", len(body))
		}
		message.Kind, message.Body = Answer, body[genlHeaderSize:]
	}
	return message, rest, nil
}

// errno is the error number that the kernel sends negated; a dump ends with what is no error, 0 or greater.
func errno(sent int32) int {
	if sent >= 0 {
		return 0
	}
	return -int(sent)
}

// padded is a length up to where the next message or attribute begins.
func padded(length int) int { return (length + alignment - 1) &^ (alignment - 1) }
