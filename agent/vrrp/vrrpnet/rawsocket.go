// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// rawSocket sends and receives the packets of one virtual router on one interface (raw(7), ip(7)).
type rawSocket struct {
	fd    int
	index int
	group *unix.SockaddrInet4
}

// openRaw opens the socket bound to the interface with that index, and to nothing else. Its errors name the step and,
// for a missing capability, the remedy.
func openRaw(index int, name string, vrid uint8, source netip.Addr) (*rawSocket, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, vrrp.Protocol)
	if err != nil {
		if errors.Is(err, unix.EPERM) {
			err = fmt.Errorf("%w: CAP_NET_RAW is required", err)
		}
		return nil, fmt.Errorf("open VRRP socket: %w", err)
	}
	s := &rawSocket{fd: fd, index: index, group: &unix.SockaddrInet4{Addr: vrrp.Group().As4()}}
	if err := s.prepare(name, vrid, source); err != nil {
		s.close()
		return nil, fmt.Errorf("prepare VRRP socket: %w", err)
	}
	return s, nil
}

func (s *rawSocket) prepare(name string, vrid uint8, source netip.Addr) error {
	if err := s.attach(vrid); err != nil {
		return err
	}
	if err := unix.BindToDevice(s.fd, name); err != nil {
		return fmt.Errorf("bind to interface: %w", err)
	}
	const internetworkControl = 0xc0 // RFC 791 section 3.1, as keepalived
	for _, option := range []struct {
		name  string
		code  int
		value int
	}{
		{"IP_MULTICAST_ALL", unix.IP_MULTICAST_ALL, 0},
		{"IP_MULTICAST_LOOP", unix.IP_MULTICAST_LOOP, 0},
		{"IP_MULTICAST_TTL", unix.IP_MULTICAST_TTL, vrrp.TTL},
		{"IP_TOS", unix.IP_TOS, internetworkControl},
	} {
		if err := unix.SetsockoptInt(s.fd, unix.IPPROTO_IP, option.code, option.value); err != nil {
			return fmt.Errorf("set %s to %d: %w", option.name, option.value, err)
		}
	}
	membership := &unix.IPMreqn{Multiaddr: vrrp.Group().As4(), Ifindex: int32(s.index)}
	if err := unix.SetsockoptIPMreqn(s.fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, membership); err != nil {
		return fmt.Errorf("join %s: %w", vrrp.Group(), err)
	}
	if err := s.setSource(source); err != nil {
		return err
	}
	s.discardEarly()
	return nil
}

func (s *rawSocket) attach(vrid uint8) error {
	raw, err := bpf.Assemble(filter(vrid))
	if err != nil {
		return fmt.Errorf("assemble packet filter: %w", err)
	}
	program := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		program[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	fprog := &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if err := unix.SetsockoptSockFprog(s.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, fprog); err != nil {
		return fmt.Errorf("attach packet filter: %w", err)
	}
	return nil
}

// discardEarly empties the queue of what came before filter and binding were in place, from any interface.
func (s *rawSocket) discardEarly() {
	var one [1]byte
	for range receiveBatch {
		if _, err := unix.Read(s.fd, one[:]); err != nil {
			return
		}
	}
}

// setSource makes the kernel send from the address.
func (s *rawSocket) setSource(source netip.Addr) error {
	out := &unix.IPMreqn{Address: source.As4(), Ifindex: int32(s.index)}
	if err := unix.SetsockoptIPMreqn(s.fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, out); err != nil {
		return fmt.Errorf("send from %s: %w", source, err)
	}
	return nil
}

// send sends one packet, without IP header, to the group.
func (s *rawSocket) send(packet []byte) error { return unix.Sendto(s.fd, packet, 0, s.group) }

// read reads one packet, IP header first. unix.EAGAIN says that there is none.
func (s *rawSocket) read(b []byte) (int, error) { return unix.Read(s.fd, b) }

func (s *rawSocket) close() { _ = unix.Close(s.fd) }
