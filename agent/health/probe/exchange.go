// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// post sends a datagram. The first one that comes back, or ICMP, is its answer: the socket is connected, so that the kernel takes neither
// from anybody else.
func (p *Prober) post(place int, t health.Target, exchange check.Exchange) {
	fd, err := p.sockets.connectUDP(t)
	if err != nil {
		p.finish(place, err)
		return
	}
	p.at[place] = conversation{fd: fd, target: t, exchange: exchange}
	if err := send(fd, exchange.Say(), nil, 0); err != nil {
		p.finish(place, datagramReason(err))
		return
	}
	p.fresh.places = append(p.fresh.places, place)
}

// send sends a datagram, which may be empty: to an address, or from a connected socket to nil.
func send(fd int, datagram []byte, to unsafe.Pointer, length uintptr) error {
	for {
		if err := sendTo(fd, datagram, to, length); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// receive takes the answer.
func (p *Prober) receive(place int, exchange check.Exchange) {
	for {
		n, err := read(p.at[place].fd, p.heard[:])
		switch {
		case errors.Is(err, unix.EINTR):
			continue // there is no other event for what has come
		case errors.Is(err, unix.EAGAIN):
			// The kernel drops a datagram whose checksum is wrong only when it is read.
		case err != nil:
			p.finish(place, datagramReason(err))
		default:
			p.finish(place, exchange.Hear(p.heard[:n]))
		}
		return
	}
}

// datagramReason says in plain words what a system call answered that has to do with a datagram. Most of it is ICMP that came back.
func datagramReason(err error) error {
	switch {
	case errors.Is(err, health.ErrInconclusive):
		return err
	case errors.Is(err, unix.ECONNREFUSED):
		return errors.New("the real server refuses the port by ICMP (port unreachable): nothing listens on it")
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return errors.New("a packet filter or a route on the director forbids the packet")
	}
	return reason(err)
}
