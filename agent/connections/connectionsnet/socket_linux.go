// SPDX-License-Identifier: Apache-2.0

package connectionsnet

import (
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// sendTimeout bounds the wait for room in the socket's send buffer.
const sendTimeout = time.Second

// socket is a UDP socket that sends to one multicast address through one interface.
type socket struct{ descriptor int }

func openSocket(d ipvs.Daemon) (*socket, error) {
	link, err := net.InterfaceByName(d.Interface)
	if err != nil {
		return nil, fmt.Errorf("%w: correct its name, or create it", err)
	}
	family := unix.AF_INET
	if d.Group.Is6() {
		family = unix.AF_INET6
	}
	descriptor, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.IPPROTO_UDP)
	if err != nil {
		return nil, err
	}
	s := &socket{descriptor}
	if err := s.prepare(d, link.Index); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *socket) prepare(d ipvs.Daemon, index int) error {
	if err := unix.BindToDevice(s.descriptor, d.Interface); errors.Is(err, unix.EPERM) {
		return fmt.Errorf("bind to the interface: %w: CAP_NET_RAW is required", err)
	} else if err != nil {
		return fmt.Errorf("bind to the interface: %w", err)
	}
	timeout := unix.NsecToTimeval(sendTimeout.Nanoseconds())
	if err := unix.SetsockoptTimeval(s.descriptor, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &timeout); err != nil {
		return fmt.Errorf("limit the time of sending: %w", err)
	}
	if err := s.setOptions(d, index); err != nil {
		return err
	}
	if err := unix.Connect(s.descriptor, destination(d, index)); err != nil {
		return fmt.Errorf("connect: %w: the interface must be up and have an address of the group's family", err)
	}
	return nil
}

// destination is where the datagrams go, as the kernel has it.
func destination(d ipvs.Daemon, index int) unix.Sockaddr {
	if d.Group.Is6() {
		return &unix.SockaddrInet6{Addr: d.Group.As16(), Port: int(d.Port), ZoneId: uint32(index)}
	}
	return &unix.SockaddrInet4{Addr: d.Group.As4(), Port: int(d.Port)}
}

// setOptions sets what the kernel sets on its own (make_send_sock of ip_vs_sync.c): no copy for this host, whose backup daemon knows
// the connections, and fragments where the MTU is less than the datagrams.
func (s *socket) setOptions(d ipvs.Daemon, index int) error {
	level, options := unix.IPPROTO_IP, []option{
		{"IP_MULTICAST_LOOP", unix.IP_MULTICAST_LOOP, 0},
		{"IP_MULTICAST_TTL", unix.IP_MULTICAST_TTL, int(d.TTL)},
		{"IP_MTU_DISCOVER", unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT},
	}
	if d.Group.Is6() {
		level, options = unix.IPPROTO_IPV6, []option{
			{"IPV6_MULTICAST_LOOP", unix.IPV6_MULTICAST_LOOP, 0},
			{"IPV6_MULTICAST_HOPS", unix.IPV6_MULTICAST_HOPS, int(d.TTL)},
			{"IPV6_MULTICAST_IF", unix.IPV6_MULTICAST_IF, index},
			{"IPV6_MTU_DISCOVER", unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_DONT},
		}
	}
	for _, o := range options {
		if err := unix.SetsockoptInt(s.descriptor, level, o.code, o.value); err != nil {
			return fmt.Errorf("set %s to %d: %w", o.name, o.value, err)
		}
	}
	if d.Group.Is6() {
		return nil
	}
	if err := unix.SetsockoptIPMreqn(s.descriptor, level, unix.IP_MULTICAST_IF, &unix.IPMreqn{Ifindex: int32(index)}); err != nil {
		return fmt.Errorf("set IP_MULTICAST_IF: %w", err)
	}
	return nil
}

// option is an integer socket option.
type option struct {
	name  string
	code  int
	value int
}

// send sends one datagram.
func (s *socket) send(datagram []byte) error {
	for {
		_, err := unix.Write(s.descriptor, datagram)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return fmt.Errorf("%w: the interface took nothing for %s", err, sendTimeout)
		case errors.Is(err, unix.ENETDOWN), errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.ENODEV):
			return fmt.Errorf("%w: the interface must be up and have an address of the group's family", err)
		default:
			return err
		}
	}
}

func (s *socket) close() { _ = unix.Close(s.descriptor) }
