// SPDX-License-Identifier: Apache-2.0

package connectionsnet

import (
	"fmt"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/connections"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// wire takes whole datagrams.
type wire interface {
	send(datagram []byte) error
	close()
}

// Sender sends connections to all directors whose backup daemon listens. It is not safe for concurrent use.
type Sender struct {
	daemon  ipvs.Daemon
	wire    wire
	encoder *connections.Encoder
	pace    connections.Pace
	pause   func(time.Duration)
	sent    int
}

// Open returns a Sender that sends as the master daemon does: through its interface, to its group and port, under its sync id, in
// datagrams of its length. What the daemon leaves to the kernel is as the kernel fills it in. pause is called when the
// receivers need time; time.Sleep, or what returns earlier if there is a hurry.
//
// The socket belongs to the network namespace of the calling thread, wherever the Sender is used. The process needs CAP_NET_RAW.
func Open(daemon ipvs.Daemon, pause func(time.Duration)) (*Sender, error) {
	daemon = filledIn(daemon)
	socket, err := openSocket(daemon)
	if err != nil {
		return nil, fmt.Errorf("open a socket for connection sync on interface %s to %s: %w", daemon.Interface, address(daemon), err)
	}
	return &Sender{
		daemon: daemon, wire: socket, pause: pause,
		encoder: connections.NewEncoder(uint8(daemon.ID), int(daemon.MaxLength)),
	}, nil
}

// Send adds the connection to the datagram that is being filled, and first sends that if it is full. A connection that is not
// Portable is left out. After an error the connections of the datagram that failed are lost, the given one is not, and the
// Sender can go on.
func (s *Sender) Send(c connections.Connection, d connections.Details) error {
	if !c.Portable(d.Method) {
		return nil
	}
	if s.encoder.Append(c, d) {
		return nil
	}
	err := s.Flush()
	s.encoder.Append(c, d)
	return err
}

// Flush sends what is in the datagram. It has to be called after the last Send.
func (s *Sender) Flush() error {
	datagram, count := s.encoder.Datagram(), s.encoder.Count()
	if count == 0 {
		return nil
	}
	defer s.encoder.Reset()
	if err := s.wire.send(datagram); err != nil {
		return fmt.Errorf("send %d connections on interface %s to %s: %w", count, s.daemon.Interface, address(s.daemon), err)
	}
	s.sent += count
	if wait := s.pace.Sent(len(datagram)); wait > 0 {
		s.pause(wait)
	}
	return nil
}

// Sent is how many connections went out so far. Nobody says whether they arrived.
func (s *Sender) Sent() int { return s.sent }

// Close frees the socket. What was not flushed is not sent.
func (s *Sender) Close() { s.wire.close() }
