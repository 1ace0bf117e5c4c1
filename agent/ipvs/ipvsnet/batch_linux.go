// SPDX-License-Identifier: Apache-2.0

package ipvsnet

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs/wire"
)

// batch is one send whose answers are read: of each refused message, and of the last one, which the kernel comes to when it
// has been through all the others.
type batch struct {
	client *Client
	// sequence is that of the first message.
	sequence uint32
	// first is the index of the first change, size how many there are.
	first, size int
	failures    []Failure
}

// read reads the answers up to the last message's. Where answers were lost, each change without one fails.
func (b *batch) read() []Failure {
	for {
		received, err := b.client.socket.receive()
		if err == nil {
			var ended bool
			if ended, err = b.take(received); ended {
				return b.failures
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, unix.ENOBUFS):
			// The kernel has been through all messages when send returns: what it could answer is there.
			return b.salvage(err)
		default:
			b.client.miss()
			return b.unanswered(err)
		}
	}
}

// take reads what one receive returned; true: the last message's answer is in it.
func (b *batch) take(received []byte) (bool, error) {
	for len(received) > 0 {
		message, rest, err := wire.Next(received)
		if err != nil {
			return false, fmt.Errorf("read the kernel's answer: %w", err)
		}
		received = rest
		// Sequence numbers begin again at 0: the distance is right all the same.
		i := message.Sequence - b.sequence
		if message.Kind != wire.Verdict || i >= uint32(b.size) {
			continue
		}
		if message.Errno != 0 {
			b.failures = append(b.failures, Failure{b.first + int(i), unix.Errno(message.Errno)})
		}
		if int(i) == b.size-1 {
			return true, nil
		}
	}
	return false, nil
}

// salvage reads the answers that are there after others did not fit into the receive buffer.
func (b *batch) salvage(cause error) []Failure {
	for answers := 0; answers <= b.size && b.client.socket.waiting(); answers++ {
		received, err := b.client.socket.receive()
		if err != nil {
			break
		}
		if _, err := b.take(received); err != nil {
			break
		}
	}
	b.client.miss()
	return b.unanswered(cause)
}

// unanswered adds the changes of which no answer is known.
func (b *batch) unanswered(cause error) []Failure {
	answered := make([]bool, b.size)
	for _, failure := range b.failures {
		answered[failure.Index-b.first] = true
	}
	for i, known := range answered {
		if !known {
			b.failures = append(b.failures, Failure{b.first + i, fmt.Errorf("%w: %w", ErrUnanswered, cause)})
		}
	}
	slices.SortFunc(b.failures, func(x, y Failure) int { return cmp.Compare(x.Index, y.Index) })
	return b.failures
}
