// SPDX-License-Identifier: Apache-2.0

package ipvsnet

import (
	"fmt"

	"github.com/lvs-operator/lvs-operator/agent/ipvs/wire"
)

// stream is the messages that answer one request.
type stream struct {
	client   *Client
	sequence uint32
	// rest is what was received and not looked at yet.
	rest []byte
}

// next waits for the next message. Its body is good until the call after it. After an error nothing more comes.
func (s *stream) next() (wire.Message, error) {
	for {
		if len(s.rest) == 0 {
			received, err := s.client.socket.receive()
			if err != nil {
				s.client.miss()
				return wire.Message{}, fmt.Errorf("receive from the kernel: %w", err)
			}
			s.rest = received
		}
		message, rest, err := wire.Next(s.rest)
		if err != nil {
			s.client.miss()
			return wire.Message{}, fmt.Errorf("read the kernel's answer: %w", err)
		}
		s.rest = rest
		if message.Sequence == s.sequence && message.Kind != wire.Other {
			return message, nil
		}
	}
}
