// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/health"
)

// sockets opens connections. It holds the addresses that connect(2) is given.
type sockets struct {
	ipv4 unix.RawSockaddrInet4
	ipv6 unix.RawSockaddrInet6
}

// connect begins to connect a TCP socket. An error is a reason.
func (s *sockets) connect(t health.Target) (fd int, err error) {
	fd, err = s.open(t, unix.SOCK_STREAM, unix.IPPROTO_TCP)
	if errors.Is(err, unix.EINPROGRESS) {
		return fd, nil
	}
	return opened(fd, reason(err))
}

// connectUDP connects a UDP socket, which is told of ICMP that answers what it sends (RFC 1122 section 4.1.3.3). An error is a reason.
func (s *sockets) connectUDP(t health.Target) (fd int, err error) {
	fd, err = s.open(t, unix.SOCK_DGRAM, unix.IPPROTO_UDP)
	if err != nil {
		return opened(fd, datagramReason(err))
	}
	if err := receiveErrors(fd, t.Endpoint()); err != nil {
		return opened(fd, inconclusive("ask for the ICMP that comes back", err))
	}
	return fd, nil
}

// opened is a socket, or the reason why there is none; then it is closed.
func opened(fd int, failure error) (int, error) {
	if failure != nil && fd != closed {
		closeSocket(fd)
		fd = closed
	}
	return fd, failure
}

// open connects a socket by the way that a check takes. With an error there may be one all the same.
func (s *sockets) open(t health.Target, kind, protocol int) (fd int, err error) {
	family, address, length := s.address(t.Endpoint())
	fd, err = unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return closed, err
	}
	if via := t.Spec.Via; !via.IsZero() {
		if err := goVia(fd, via, t.Address.Addr()); err != nil {
			return fd, err
		}
	}
	return fd, connect(fd, address, length)
}

// receiveErrors has the kernel pass all ICMP errors on. Without it, it keeps to itself that a host cannot be reached (ip(7), IP_RECVERR).
func receiveErrors(fd int, to netip.AddrPort) error {
	if to.Addr().Is4() {
		return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVERR, 1)
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
}

// address is good until the next call.
func (s *sockets) address(to netip.AddrPort) (family int, address unsafe.Pointer, length uintptr) {
	port := networkOrder(to.Port())
	if to.Addr().Is4() {
		s.ipv4 = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: port, Addr: to.Addr().As4()}
		return unix.AF_INET, unsafe.Pointer(&s.ipv4), unsafe.Sizeof(s.ipv4) //nolint:gosec // as connect(2) wants it
	}
	s.ipv6 = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: port, Addr: to.Addr().As16()}
	return unix.AF_INET6, unsafe.Pointer(&s.ipv6), unsafe.Sizeof(s.ipv6) //nolint:gosec // as connect(2) wants it
}

// networkOrder is a number whose bytes in memory are those of n, the greater first.
func networkOrder(n uint16) uint16 {
	var bytes [2]byte
	binary.BigEndian.PutUint16(bytes[:], n)
	return binary.NativeEndian.Uint16(bytes[:])
}

// reason says in plain words what a system call answered, unless that was done before.
func reason(err error) error {
	var errno unix.Errno
	if !errors.Is(err, health.ErrInconclusive) && errors.As(err, &errno) {
		return errnoReason(errno)
	}
	return err
}
