// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sockets opens connections. It holds the addresses that connect(2) is given.
type sockets struct {
	ipv4 unix.RawSockaddrInet4
	ipv6 unix.RawSockaddrInet6
}

// connect begins to connect a TCP socket. An error is a reason.
func (s *sockets) connect(to netip.AddrPort) (fd int, err error) {
	family, address, length := s.address(to)
	fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return closed, reason(err)
	}
	if err := connect(fd, address, length); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		closeSocket(fd)
		return closed, reason(err)
	}
	return fd, nil
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

// reason says in plain words what a system call answered.
func reason(err error) error {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return errnoReason(errno)
	}
	return err
}
