// SPDX-License-Identifier: Apache-2.0

// Package wire carries one command to a virtual machine of the lab and its streams back, over one byte stream. It is no
// general remote shell: there is one user, root, and one secret; it never opens or accepts connections itself.
//
// A conversation is a Request frame from the client, then until the exit frame
//
//	client -> server   stdin, stdinEnd, signal
//	server -> client   stdout, stderr, stdinTaken, and last exit or failed
//
// The client sends a stdin frame only after the one before was taken, so that a program which does not read never
// keeps a signal from it. When the stream ends, the server kills the program's process group.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// kind tells frames apart; it is the first byte of each.
type kind byte

const (
	kindRequest    kind = iota + 1 // a Request as JSON
	kindStdin                      // bytes for the program
	kindStdinEnd                   // empty: close the program's standard input
	kindSignal                     // one byte: a signal number
	kindStdout                     // bytes from the program
	kindStderr                     // bytes from the program
	kindStdinTaken                 // empty: room for one more stdin frame
	kindExit                       // one byte: exit code; one byte: signal number or 0
	kindFailed                     // text: why the program did not start
)

const (
	headerSize = 5       // kind, then the payload's length as 32 bits, big endian
	maxPayload = 1 << 20 // bytes; a Request with a large environment is the longest frame
	chunkSize  = 32 << 10
)

// errFrameTooLong is the answer to a length that no honest peer sends.
var errFrameTooLong = errors.New("frame exceeds 1 MiB")

// writeFrame writes header and payload with one call of w.Write.
func writeFrame(w io.Writer, k kind, payload []byte) error {
	if len(payload) > maxPayload {
		return errFrameTooLong
	}
	frame := make([]byte, headerSize, headerSize+len(payload))
	frame[0] = byte(k)
	binary.BigEndian.PutUint32(frame[1:], uint32(len(payload)))
	_, err := w.Write(append(frame, payload...))
	return err
}

// readFrame returns io.EOF when the stream ends between two frames, io.ErrUnexpectedEOF when it ends inside one.
func readFrame(r io.Reader) (kind, []byte, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return 0, nil, err
	}
	length := binary.BigEndian.Uint32(header[1:])
	if length > maxPayload {
		return 0, nil, fmt.Errorf("%w: %d bytes announced", errFrameTooLong, length)
	}
	payload := make([]byte, length)
	if _, err := io.ReadFull(r, payload); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	return kind(header[0]), payload, nil
}
