// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package vrrpnet

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// grace is how long a director that yields keeps its address, as the agent's does.
const grace = 500 * time.Millisecond

// serving is a director with what the agent makes of it: the virtual address is on the interface while the director is Active, is
// announced once it is there, and stays for the grace.
type serving struct {
	*watched
	address netip.Addr
	links   *netlink.Handle
	eth0    netlink.Link

	mu  sync.Mutex
	was []change
}

// serve starts a director whose virtual address answers.
func (h *host) serve(c vrrp.Config, options ...func(*Options)) *serving {
	h.t.Helper()
	s := &serving{address: c.Addresses[0], links: h.links(), eth0: h.link("eth0")}
	turned, over, ended := make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	h.t.Cleanup(func() { close(over); <-ended })
	h.answer(s.address)
	s.watched = h.start(c, append(options, func(o *Options) {
		tell := o.OnTransition
		o.OnTransition = func(state vrrp.State) []netip.Addr {
			s.note(state)
			tell(state)
			select {
			case turned <- struct{}{}:
			default:
			}
			return nil
		}
	})...)
	go func() {
		defer close(ended)
		s.follow(turned, over)
	}()
	return s
}

func (s *serving) note(state vrrp.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.was = append(s.was, change{state, time.Now()})
}

// changes are the states so far.
func (s *serving) changes() []change {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]change(nil), s.was...)
}

// follow has the address come and go with the state.
func (s *serving) follow(turned, over <-chan struct{}) {
	address := &netlink.Addr{IPNet: netlink.NewIPNet(s.address.AsSlice())}
	var letGo <-chan time.Time
	for {
		select {
		case <-over:
			return
		case <-turned:
			if s.State() != vrrp.Active {
				letGo = time.After(grace)
				continue
			}
			letGo = nil
			if err := s.links.AddrReplace(s.eth0, address); err != nil {
				s.t.Errorf("%s does not get %s: %v", s.host.addr, s.address, err)
			}
			s.Announce([]netip.Addr{s.address})
		case <-letGo:
			letGo = nil
			_ = s.links.AddrDel(s.eth0, address) // where it was never added it is not there
		}
	}
}

// answer answers on the virtual address, whenever the host has it, by echo (RFC 862). It is UDP, so that each question is answered by
// whoever has the address at that moment: no connection is left behind where the address was.
func (h *host) answer(address netip.Addr) {
	h.t.Helper()
	early := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var refused error
		err := c.Control(func(fd uintptr) { refused = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_FREEBIND, 1) })
		return errors.Join(err, refused)
	}}
	var socket net.PacketConn
	h.do(func() (err error) {
		socket, err = early.ListenPacket(context.Background(), "udp4", netip.AddrPortFrom(address, echoPort).String())
		return err
	})
	ended := make(chan struct{})
	h.t.Cleanup(func() { _ = socket.Close(); <-ended })
	go func() {
		defer close(ended)
		question := make([]byte, 64)
		for {
			n, from, err := socket.ReadFrom(question)
			if err != nil {
				return
			}
			_, _ = socket.WriteTo(question[:n], from) // the address may go in this moment
		}
	}()
}
