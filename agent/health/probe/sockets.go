// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"
)

// sockets opens connections. It holds the addresses that connect(2) is given, which would need memory for each otherwise.
type sockets struct {
	ipv4 unix.SockaddrInet4
	ipv6 unix.SockaddrInet6
}

// connect begins to connect a TCP socket. An error is a reason.
func (s *sockets) connect(to netip.AddrPort) (fd int, err error) {
	family, address := s.address(to)
	fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return closed, reason(err)
	}
	if err := unix.Connect(fd, address); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		_ = unix.Close(fd)
		return closed, reason(err)
	}
	return fd, nil
}

// connectUDP connects a UDP socket, which is told of ICMP that answers what it sends (RFC 1122 section 4.1.3.3). An error is a reason.
func (s *sockets) connectUDP(to netip.AddrPort) (fd int, err error) {
	family, address := s.address(to)
	fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_UDP)
	if err != nil {
		return closed, reason(err)
	}
	if err := unix.Connect(fd, address); err != nil {
		_ = unix.Close(fd)
		return closed, datagramReason(err)
	}
	if err := receiveErrors(fd, family); err != nil {
		_ = unix.Close(fd)
		return closed, inconclusive("ask for the ICMP that comes back", err)
	}
	return fd, nil
}

// receiveErrors has the kernel pass all ICMP errors on. Without it, it keeps to itself that a host cannot be reached (ip(7), IP_RECVERR).
func receiveErrors(fd, family int) error {
	if family == unix.AF_INET {
		return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVERR, 1)
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
}

func (s *sockets) address(to netip.AddrPort) (family int, address unix.Sockaddr) {
	if to.Addr().Is4() {
		s.ipv4.Addr, s.ipv4.Port = to.Addr().As4(), int(to.Port())
		return unix.AF_INET, &s.ipv4
	}
	s.ipv6.Addr, s.ipv6.Port = to.Addr().As16(), int(to.Port())
	return unix.AF_INET6, &s.ipv6
}

// reason says in plain words what a system call answered.
func reason(err error) error {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return errnoReason(errno)
	}
	return err
}
