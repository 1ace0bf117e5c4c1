// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/checksum"
)

const (
	ipv6Header = 40
	// naSize is an IPv6 header and a neighbour advertisement (RFC 4861 section 4.4) with the option that carries a hardware address.
	naSize = ipv6Header + 24 + 8
)

// allNodes is the Ethernet address of ff02::1 (RFC 2464 section 7).
var allNodes = hardwareAddress{0x33, 0x33, 0, 0, 0, 1}

// putNeighbourAdvertisement writes the unsolicited neighbour advertisement by which a host says that address is at hardware: R
// and O set, S clear, to all nodes (RFC 9568 section 6.4.2, RFC 4861 section 7.2.6).
func putNeighbourAdvertisement(packet *[naSize]byte, hardware hardwareAddress, address netip.Addr) {
	const (
		version       = 0x60
		hopLimit      = 255
		advertisement = 136
		router        = 0x80
		override      = 0x20
		targetOption  = 2
	)
	from := address.As16()
	to := netip.IPv6LinkLocalAllNodes().As16()
	*packet = [naSize]byte{0: version, 6: unix.IPPROTO_ICMPV6, 7: hopLimit}
	binary.BigEndian.PutUint16(packet[4:], naSize-ipv6Header)
	copy(packet[8:], from[:])
	copy(packet[24:], to[:])
	body := packet[ipv6Header:]
	body[0], body[4] = advertisement, router|override
	copy(body[8:], from[:])
	body[24], body[25] = targetOption, 1
	copy(body[26:], hardware[:])
	binary.BigEndian.PutUint16(body[2:], icmp6Checksum(packet))
}

// icmp6Checksum is the checksum of the packet's body with the pseudo-header of RFC 8200 section 8.1.
func icmp6Checksum(packet *[naSize]byte) uint16 {
	const rest = unix.IPPROTO_ICMPV6 + naSize - ipv6Header
	return ^checksum.Fold(checksum.Sum(rest, packet[8:])) // the addresses of the header, and the body
}
