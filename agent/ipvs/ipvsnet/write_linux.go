// SPDX-License-Identifier: Apache-2.0

package ipvsnet

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs/wire"
)

// Failure is a change that was not made, or of which that is not known.
type Failure struct {
	// Index of the change, from 0.
	Index int
	// Err is the kernel's answer, a unix.Errno; or why there is none, which says whether the change may have been made.
	Err error
}

// ErrUnanswered says that the kernel's answer to a change was lost: the change may have been made.
var ErrUnanswered = errors.New("the kernel's answer was lost: what was changed shows at the next reading")

// Write makes n changes in their order, and returns those that failed, by index. One that fails does not stop the others.
// encode appends change i to b as one message, which a method of r writes; it can be called more than once for each.
//
// Many messages go in one send. The kernel answers the refused ones and the last of each send only.
//
// When the context ends, the changes that remain are refused with its cause.
func (c *Client) Write(ctx context.Context, n int, encode func(r wire.Request, b []byte, i int) []byte) []Failure {
	var failures []Failure
	again := true // the batch may be sent again, once
	for done := 0; done < n; {
		err := context.Cause(ctx)
		if err == nil {
			err = c.ready()
		}
		if err != nil {
			return fail(failures, done, n, err)
		}
		size, refused := c.send(done, n, encode)
		if slices.ContainsFunc(refused, func(f Failure) bool { return errors.Is(f.Err, unix.ENOENT) }) {
			replaced, err := c.replaced()
			if err != nil {
				return fail(failures, done, n, err)
			}
			if replaced && again {
				again = false
				continue
			}
		}
		failures, done, again = append(failures, refused...), done+size, true
	}
	return failures
}

// Change makes one change.
//
//	client.Change(ctx, wire.Request.Flush)
func (c *Client) Change(ctx context.Context, encode func(r wire.Request, b []byte) []byte) error {
	failures := c.Write(ctx, 1, func(r wire.Request, b []byte, _ int) []byte { return encode(r, b) })
	if len(failures) > 0 {
		return failures[0].Err
	}
	return nil
}

// fail adds the changes from first up to n, which nobody sent.
func fail(failures []Failure, first, n int, err error) []Failure {
	for i := first; i < n; i++ {
		failures = append(failures, Failure{i, err})
	}
	return failures
}

// send sends as many changes from first on as go into one batch. It returns how many these were, and which failed.
func (c *Client) send(first, n int, encode func(r wire.Request, b []byte, i int) []byte) (int, []Failure) {
	c.buffer = c.buffer[:0]
	sequence := c.sequence + 1
	size, last := 0, 0
	for size < c.socket.batch && first+size < n && len(c.buffer) < c.socket.batchBytes {
		last = len(c.buffer)
		c.buffer = encode(c.request(), c.buffer, first+size)
		size++
	}
	wire.Acknowledge(c.buffer[last:])
	if err := c.socket.send(c.buffer); err != nil {
		return size, fail(nil, first, first+size, fmt.Errorf("send to the kernel: %w", err))
	}
	verdicts := batch{client: c, sequence: sequence, first: first, size: size}
	return size, verdicts.read()
}
