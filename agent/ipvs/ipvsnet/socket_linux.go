// SPDX-License-Identifier: Apache-2.0

package ipvsnet

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// answerTimeout bounds the wait for each answer.
	answerTimeout = 3 * time.Second

	// receiveBuffer is the wanted size of the socket's receive buffer in bytes; the kernel doubles it for its overhead.
	receiveBuffer = 1 << 20
	// refusalSize is what a refusal takes of that buffer at most: the kernel counts the memory that holds it, less than 1 KiB.
	refusalSize = 2 << 10

	// sendSize is about the longest batch in bytes, some 500 messages: the kernel copies it in one piece, and a Write looks at
	// its context between two of them.
	sendSize = 64 << 10
	// receiveSize is the longest answer in bytes: the kernel fills no more than 32 KiB of a dump at once.
	receiveSize = 64 << 10
)

// socket is a netlink socket that hears nobody but the kernel. It belongs to the network namespace of the thread that
// opened it, wherever it is used.
type socket struct {
	descriptor int
	// batch is how many messages one send can carry so that the refusals of all fit into the receive buffer.
	batch int
	// batchBytes is how long one send can be.
	batchBytes int
	received   []byte
}

// openSocket opens a socket with time-outs.
func openSocket() (*socket, error) {
	descriptor, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_GENERIC)
	if err != nil {
		return nil, fmt.Errorf("open a generic netlink socket: %w", err)
	}
	s := &socket{descriptor: descriptor, received: make([]byte, receiveSize)}
	if err := s.prepare(); err != nil {
		s.close()
		return nil, fmt.Errorf("prepare the generic netlink socket: %w", err)
	}
	return s, nil
}

func (s *socket) prepare() error {
	timeout := unix.NsecToTimeval(answerTimeout.Nanoseconds())
	err := errors.Join(
		unix.SetsockoptTimeval(s.descriptor, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &timeout),
		unix.SetsockoptTimeval(s.descriptor, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout),
		// A refusal without the refused message is small and of one size.
		unix.SetsockoptInt(s.descriptor, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1),
		unix.Connect(s.descriptor, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}),
	)
	if err != nil {
		return err
	}
	// The limit net.core.rmem_max does not bind who has the capability NET_ADMIN in the first user namespace.
	if unix.SetsockoptInt(s.descriptor, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		if err := unix.SetsockoptInt(s.descriptor, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer); err != nil {
			return err
		}
	}
	room, err := unix.GetsockoptInt(s.descriptor, unix.SOL_SOCKET, unix.SO_RCVBUF)
	if err != nil {
		return err
	}
	sendRoom, err := unix.GetsockoptInt(s.descriptor, unix.SOL_SOCKET, unix.SO_SNDBUF)
	if err != nil {
		return err
	}
	s.batch, s.batchBytes = max(1, room/refusalSize), min(sendSize, sendRoom/2)
	return nil
}

func (s *socket) close() { _ = unix.Close(s.descriptor) }

// send sends messages to the kernel, which carries them out before send returns.
func (s *socket) send(messages []byte) error {
	for {
		_, err := unix.Write(s.descriptor, messages)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// receive waits for the next answers. They are good until the next receive.
func (s *socket) receive() ([]byte, error) {
	for {
		n, err := unix.Read(s.descriptor, s.received)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return nil, fmt.Errorf("no answer of the kernel within %s", answerTimeout)
		case err != nil:
			return nil, err
		default:
			return s.received[:n], nil
		}
	}
}

// waiting says whether answers can be received without waiting.
func (s *socket) waiting() bool {
	poll := []unix.PollFd{{Fd: int32(s.descriptor), Events: unix.POLLIN}}
	n, err := unix.Poll(poll, 0)
	return n > 0 && err == nil
}
