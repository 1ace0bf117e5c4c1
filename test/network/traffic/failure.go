// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"
)

// Failure says how a connection failed, as its client saw it. Empty means that it did not.
type Failure string

// Failures.
const (
	Refused     Failure = "refused"     // the address answered that nothing listens: RST on connect
	Timeout     Failure = "timeout"     // no answer in time
	Reset       Failure = "reset"       // RST on an established connection
	Closed      Failure = "closed"      // ended by the server before it was due
	Unreachable Failure = "unreachable" // no route, or no answer to ARP
	Stopped     Failure = "stopped"     // the client itself was told to stop
	Other       Failure = "other"       // none of these; the error's text tells
)

func classify(err error) Failure {
	var timeout interface{ Timeout() bool }
	switch {
	case err == nil:
		return ""
	case errors.Is(err, context.Canceled):
		return Stopped
	case errors.Is(err, syscall.ECONNREFUSED):
		return Refused
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return Reset
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return Unreachable
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Closed
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return Timeout
	}
	return Other
}
