// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/health"
)

// goVia has the packets of a socket, which is not connected yet, go through IPVS to a real server. They come from the address that the
// director has towards the real server: the kernel itself would choose the virtual IP where the director holds it.
func goVia(fd int, via health.Via, realServer netip.Addr) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, int(via.Mark)); err != nil {
		return inconclusive("mark the packets of the check", err)
	}
	// Of all real servers that are checked by way of one virtual IP and port the connections have local ports of their own: with each port
	// kept for a minute (TIME-WAIT) some 470 checks a second were all. So these connections end by a reset.
	if err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
		return inconclusive("have the connection of the check end by a reset", err)
	}
	source, err := sourceTowards(realServer, via.Virtual)
	if err != nil {
		return err
	}
	// The port is chosen when the socket is connected, when one may have it that another destination has as well.
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
		return inconclusive("choose the address that the check comes from", err)
	}
	if err := unix.Bind(fd, source); err != nil {
		return inconclusive("choose the address that the check comes from", err)
	}
	return nil
}

// discard is a port that no packet is sent to here (RFC 863).
const discard = 9

// sourceTowards is the address that packets from here to a real server come from, which has to be of the virtual IP's family.
func sourceTowards(realServer, virtual netip.Addr) (unix.Sockaddr, error) {
	if realServer.Is4() != virtual.Is4() {
		return nil, fmt.Errorf("%w: the real server %v is of another address family than the virtual IP", health.ErrInconclusive, realServer)
	}
	var to unix.Sockaddr
	family := unix.AF_INET
	if realServer.Is4() {
		to = &unix.SockaddrInet4{Addr: realServer.As4(), Port: discard}
	} else {
		family, to = unix.AF_INET6, &unix.SockaddrInet6{Addr: realServer.As16(), Port: discard}
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer closeSocket(fd)
	// To connect a datagram socket sends nothing.
	if err := unix.Connect(fd, to); err != nil {
		return nil, err
	}
	source, err := unix.Getsockname(fd)
	if err != nil {
		return nil, inconclusive("ask for the address towards the real server", err)
	}
	var address netip.Addr
	switch s := source.(type) {
	case *unix.SockaddrInet4:
		s.Port, address = 0, netip.AddrFrom4(s.Addr)
	case *unix.SockaddrInet6:
		s.Port, address = 0, netip.AddrFrom16(s.Addr)
	}
	if address == virtual {
		return nil, fmt.Errorf("%w: the director has no address towards the real server but the virtual IP itself", health.ErrInconclusive)
	}
	return source, nil
}
