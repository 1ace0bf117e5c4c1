// SPDX-License-Identifier: Apache-2.0

package ipvsnet

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs/wire"
)

// ErrNoIPVS says that the kernel has no IPVS.
var ErrNoIPVS = errors.New("the kernel has no IPVS: load the module ip_vs on this node (modprobe ip_vs)")

// Client is the owner of one socket. It carries one request at a time: its methods must not be called from two goroutines
// at once.
type Client struct {
	// socket is nil after an answer was missed: what comes too late must not meet a later request.
	socket *socket
	// family is the family's number; 0: to be looked up. It changes when the module ip_vs is loaded again.
	family uint16
	// sequence is that of the last message. It is never used twice while an answer can be under way.
	sequence uint32
	buffer   []byte
}

// Open opens a client for the network namespace of the calling thread. It needs no IPVS: Ready tells whether there is any.
// After an answer that did not come the client opens its socket anew, in the namespace of the thread that calls then.
func Open() (*Client, error) {
	s, err := openSocket()
	if err != nil {
		return nil, err
	}
	return &Client{socket: s}, nil
}

// Close frees the socket. What was written stays in the kernel.
func (c *Client) Close() {
	if c.socket != nil {
		c.socket.close()
		c.socket = nil
	}
}

// Ready is nil if the kernel has IPVS, and otherwise ErrNoIPVS or why that cannot be told. Asking makes a kernel that may
// load modules load ip_vs by itself.
func (c *Client) Ready() error {
	c.family = 0
	return c.ready()
}

// ready opens the socket and looks the family up, where that has to be done.
func (c *Client) ready() error {
	if c.socket == nil {
		s, err := openSocket()
		if err != nil {
			return err
		}
		c.socket = s
	}
	if c.family != 0 {
		return nil
	}
	family, err := c.lookUp()
	switch {
	case errors.Is(err, unix.ENOENT):
		return ErrNoIPVS
	case err != nil:
		return fmt.Errorf("look up the netlink family IPVS: %w", err)
	}
	c.family = family
	return nil
}

func (c *Client) lookUp() (uint16, error) {
	c.sequence++
	c.buffer = wire.LookUp(c.buffer[:0], c.sequence)
	body, err := c.exchange()
	if err != nil {
		return 0, err
	}
	return wire.DecodeFamily(body)
}

// replaced looks the family up again, after the kernel said ENOENT: that may be its answer to a number that is no family's
// any more. It says whether there is another number now.
func (c *Client) replaced() (bool, error) {
	before := c.family
	c.family = 0
	err := c.ready()
	return c.family != before, err
}

// miss gives the socket up: an answer that is still under way goes with it.
func (c *Client) miss() { c.Close() }

// request is what the next message carries.
func (c *Client) request() wire.Request {
	c.sequence++
	return wire.Request{Family: c.family, Sequence: c.sequence}
}

// exchange sends the message in the buffer and waits for its one answer.
func (c *Client) exchange() ([]byte, error) {
	if err := c.socket.send(c.buffer); err != nil {
		return nil, fmt.Errorf("send to the kernel: %w", err)
	}
	answers := stream{client: c, sequence: c.sequence}
	message, err := answers.next()
	switch {
	case err != nil:
		return nil, err
	case message.Errno != 0:
		return nil, unix.Errno(message.Errno)
	case message.Kind != wire.Answer:
		return nil, errors.New("the kernel answered without saying anything")
	default:
		return message.Body, nil
	}
}
