// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// packetSocket tells one interface's link where virtual addresses are (packet(7)): by gratuitous ARP, and by unsolicited neighbour
// advertisements. It receives nothing.
type packetSocket struct {
	fd        int
	arp       *unix.SockaddrLinklayer
	neighbour *unix.SockaddrLinklayer
	arpPacket [arpSize]byte
	naPacket  [naSize]byte
}

func openPacket(index int) (*packetSocket, error) {
	const receiveNothing = 0
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, receiveNothing)
	if err != nil {
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	return &packetSocket{
		fd: fd, arp: linkLayer(index, unix.ETH_P_ARP, broadcast), neighbour: linkLayer(index, unix.ETH_P_IPV6, allNodes),
	}, nil
}

func linkLayer(index int, protocol uint16, to hardwareAddress) *unix.SockaddrLinklayer {
	address := &unix.SockaddrLinklayer{Protocol: networkOrder(protocol), Ifindex: index, Halen: uint8(len(to))}
	copy(address.Addr[:], to[:])
	return address
}

// networkOrder returns the number whose bytes in memory are v in network order, as sockaddr_ll wants it.
func networkOrder(v uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, v))
}

// announce tells the link that address is at hardware.
func (s *packetSocket) announce(hardware hardwareAddress, address netip.Addr) error {
	if address.Is4() {
		putGratuitousARP(&s.arpPacket, hardware, address)
		return unix.Sendto(s.fd, s.arpPacket[:], 0, s.arp)
	}
	putNeighbourAdvertisement(&s.naPacket, hardware, address)
	return unix.Sendto(s.fd, s.naPacket[:], 0, s.neighbour)
}

func (s *packetSocket) close() { _ = unix.Close(s.fd) }
