// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// arpSocket broadcasts gratuitous ARP on one interface (packet(7)). It receives nothing.
type arpSocket struct {
	fd     int
	to     *unix.SockaddrLinklayer
	packet [arpSize]byte
}

func openARP(index int) (*arpSocket, error) {
	const receiveNothing = 0
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, receiveNothing)
	if err != nil {
		return nil, fmt.Errorf("open ARP socket: %w", err)
	}
	to := &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ARP), Ifindex: index, Halen: uint8(len(broadcast))}
	copy(to.Addr[:], broadcast[:])
	return &arpSocket{fd: fd, to: to}, nil
}

// networkOrder returns the number whose bytes in memory are v in network order, as sockaddr_ll wants it.
func networkOrder(v uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, v))
}

// announce tells the link that address is at hardware.
func (s *arpSocket) announce(hardware hardwareAddress, address netip.Addr) error {
	putGratuitousARP(&s.packet, hardware, address)
	return unix.Sendto(s.fd, s.packet[:], 0, s.to)
}

func (s *arpSocket) close() { _ = unix.Close(s.fd) }
