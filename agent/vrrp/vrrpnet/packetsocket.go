// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// packetSocket sends whole Ethernet frames on one interface (packet(7)): gratuitous ARP and unsolicited neighbour advertisements,
// which tell the link where virtual addresses are, and advertisements that come from a virtual MAC address. It receives nothing.
type packetSocket struct {
	fd        int
	arp       *unix.SockaddrLinklayer
	neighbour *unix.SockaddrLinklayer
	arpFrame  [ethernetHeader + arpSize]byte
	naFrame   [ethernetHeader + naSize]byte
}

func openPacket(index int) (*packetSocket, error) {
	const receiveNothing = 0
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, receiveNothing)
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

// announce tells the link that address is at hardware, in a frame from there: bridges learn from it as neighbours do. target is what gratuitous
// ARP names as the target's hardware address.
func (s *packetSocket) announce(hardware, target hardwareAddress, address netip.Addr) error {
	if address.Is4() {
		putEthernet(s.arpFrame[:], broadcast, hardware, unix.ETH_P_ARP)
		putGratuitousARP((*[arpSize]byte)(s.arpFrame[ethernetHeader:]), hardware, target, address)
		return unix.Sendto(s.fd, s.arpFrame[:], 0, s.arp)
	}
	putEthernet(s.naFrame[:], allNodes, hardware, unix.ETH_P_IPV6)
	putNeighbourAdvertisement((*[naSize]byte)(s.naFrame[ethernetHeader:]), hardware, address)
	return unix.Sendto(s.fd, s.naFrame[:], 0, s.neighbour)
}

func (s *packetSocket) close() { _ = unix.Close(s.fd) }
