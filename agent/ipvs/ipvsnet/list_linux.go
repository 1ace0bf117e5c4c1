// SPDX-License-Identifier: Apache-2.0

package ipvsnet

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/ipvs/wire"
)

// list is a list that the kernel sends bit by bit, as it is read (a netlink dump).
type list struct {
	answers     stream
	interrupted bool
}

// list asks for a list. Until it was read to its end the client can ask for nothing else.
func (c *Client) list(encode func(r wire.Request, b []byte) []byte) (*list, error) {
	if err := c.ready(); err != nil {
		return nil, err
	}
	c.buffer = encode(c.request(), c.buffer[:0])
	if err := c.socket.send(c.buffer); err != nil {
		return nil, err
	}
	return &list{answers: stream{client: c, sequence: c.sequence}}, nil
}

// next is the body of the next element; nil at the end.
func (l *list) next() ([]byte, error) {
	message, err := l.answers.next()
	if err != nil {
		return nil, err
	}
	l.interrupted = l.interrupted || message.Interrupted
	switch {
	case message.Errno != 0:
		return nil, unix.Errno(message.Errno)
	case message.Kind == wire.Answer:
		return message.Body, nil
	case l.interrupted:
		return nil, errInterrupted
	default:
		return nil, nil
	}
}

// each calls take with the body of each element. An element that cannot be read does not end the list, which has to be read
// to its end.
func (l *list) each(take func(body []byte) error) error {
	var first error
	for {
		body, err := l.next()
		if err != nil {
			return err
		}
		if body == nil {
			return first
		}
		if err := take(body); err != nil && first == nil {
			first = err
		}
	}
}

// Listing reads all services bit by bit.
type Listing struct {
	client *Client
	list   *list
}

// ListServices begins to read all services. The listing has the client to itself: no other method of it, but Close, can be
// called afterwards. While it is open the module ip_vs cannot be unloaded.
func (c *Client) ListServices() (*Listing, error) {
	list, err := c.list(wire.Request.GetServices)
	if err != nil {
		return nil, err
	}
	return &Listing{client: c, list: list}, nil
}

// Next is the next service, in the kernel's order; false: there is none. While services come or go, in any network namespace,
// others may be missed or appear twice.
func (l *Listing) Next() (ipvs.Service, bool, error) {
	body, err := l.list.next()
	if errors.Is(err, errInterrupted) {
		return ipvs.Service{}, false, nil
	}
	if body == nil || err != nil {
		return ipvs.Service{}, false, err
	}
	service, err := wire.DecodeService(body)
	return service, err == nil, err
}
