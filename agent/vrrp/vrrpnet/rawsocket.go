// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/packetfilter"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// rawSocket sends and receives the VRRP packets of one family on one interface (raw(7), ip(7), ipv6(7)).
type rawSocket struct {
	fd    int
	index int
	in    *packetBatch
}

// option is an integer socket option.
type option struct {
	name  string
	code  int
	value int
}

// internetworkControl is the traffic class of routing protocols (RFC 791 section 3.1), as keepalived sends.
const internetworkControl = 0xc0

// openRaw opens the socket of a family bound to the interface with that index, and to nothing else. Its errors name the step
// and, for a missing capability, the remedy.
func openRaw(family netip.Addr, index int, name string) (*rawSocket, error) {
	domain := unix.AF_INET
	if family.Is6() {
		domain = unix.AF_INET6
	}
	fd, err := unix.Socket(domain, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, vrrp.Protocol)
	if err != nil {
		if errors.Is(err, unix.EPERM) {
			err = fmt.Errorf("%w: CAP_NET_RAW is required", err)
		}
		return nil, fmt.Errorf("open VRRP socket: %w", err)
	}
	s := &rawSocket{fd: fd, index: index, in: newPacketBatch()}
	if err := s.prepare(family, name); err != nil {
		s.close()
		return nil, fmt.Errorf("prepare VRRP socket: %w", err)
	}
	return s, nil
}

func (s *rawSocket) prepare(family netip.Addr, name string) error {
	if err := unix.BindToDevice(s.fd, name); err != nil {
		return fmt.Errorf("bind to interface: %w", err)
	}
	join := s.prepare4
	if family.Is6() {
		join = s.prepare6
	}
	if err := join(); err != nil {
		return err
	}
	s.discardEarly()
	return nil
}

func (s *rawSocket) prepare4() error {
	if err := packetfilter.Attach(s.fd, filter4()); err != nil {
		return err
	}
	err := s.set(unix.IPPROTO_IP, []option{
		{"IP_MULTICAST_ALL", unix.IP_MULTICAST_ALL, 0},
		{"IP_MULTICAST_LOOP", unix.IP_MULTICAST_LOOP, 0},
		{"IP_MULTICAST_TTL", unix.IP_MULTICAST_TTL, vrrp.TTL},
		{"IP_TTL", unix.IP_TTL, vrrp.TTL},
		{"IP_TOS", unix.IP_TOS, internetworkControl},
	})
	if err != nil {
		return err
	}
	group := vrrp.Group(netip.IPv4Unspecified())
	membership := &unix.IPMreqn{Multiaddr: group.As4(), Ifindex: int32(s.index)}
	if err := unix.SetsockoptIPMreqn(s.fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, membership); err != nil {
		return fmt.Errorf("join %s: %w", group, err)
	}
	return nil
}

func (s *rawSocket) prepare6() error {
	err := s.set(unix.IPPROTO_IPV6, []option{
		{"IPV6_MULTICAST_ALL", unix.IPV6_MULTICAST_ALL, 0},
		{"IPV6_MULTICAST_LOOP", unix.IPV6_MULTICAST_LOOP, 0},
		{"IPV6_MULTICAST_HOPS", unix.IPV6_MULTICAST_HOPS, vrrp.TTL},
		{"IPV6_UNICAST_HOPS", unix.IPV6_UNICAST_HOPS, vrrp.TTL},
		{"IPV6_TCLASS", unix.IPV6_TCLASS, internetworkControl},
		{"IPV6_RECVHOPLIMIT", unix.IPV6_RECVHOPLIMIT, 1},
		{"IPV6_RECVPKTINFO", unix.IPV6_RECVPKTINFO, 1},
	})
	if err != nil {
		return err
	}
	group := vrrp.Group(netip.IPv6Unspecified())
	membership := &unix.IPv6Mreq{Multiaddr: group.As16(), Interface: uint32(s.index)}
	if err := unix.SetsockoptIPv6Mreq(s.fd, unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP, membership); err != nil {
		return fmt.Errorf("join %s: %w", group, err)
	}
	return nil
}

func (s *rawSocket) set(level int, options []option) error {
	for _, o := range options {
		if err := unix.SetsockoptInt(s.fd, level, o.code, o.value); err != nil {
			return fmt.Errorf("set %s to %d: %w", o.name, o.value, err)
		}
	}
	return nil
}

// discardEarly empties the queue of what came before filter and binding were in place, from any interface.
func (s *rawSocket) discardEarly() {
	var one [1]byte
	for range mostTurns * batchSize {
		if _, err := unix.Read(s.fd, one[:]); err != nil {
			return
		}
	}
}

// receive reads the packets that are there, at most a batch of them. None: the socket is empty, or its interface is gone.
func (s *rawSocket) receive() int { return s.in.receive(s.fd) }

func (s *rawSocket) close() { _ = unix.Close(s.fd) }
