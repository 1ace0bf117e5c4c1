// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"encoding/binary"
	"net/netip"
)

// arpSize is an ARP packet for IPv4 over Ethernet, without the Ethernet header (RFC 826).
const arpSize = 28

type hardwareAddress [6]byte

var broadcast = hardwareAddress{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// putGratuitousARP writes the request by which a host says that address is at hardware: sender and target address are
// both the announced one (RFC 9568 section 6.4.2, RFC 5227 section 3). Receivers ignore the target's hardware address; it is the
// broadcast one, as keepalived sends it, or the sender's where that is virtual, as RFC 9568 has it.
func putGratuitousARP(packet *[arpSize]byte, hardware, target hardwareAddress, address netip.Addr) {
	const (
		ethernet = 1
		ipv4     = 0x0800
		request  = 1
	)
	four := address.As4()
	b := packet[:]
	binary.BigEndian.PutUint16(b[0:], ethernet)
	binary.BigEndian.PutUint16(b[2:], ipv4)
	b[4], b[5] = byte(len(hardware)), byte(len(four))
	binary.BigEndian.PutUint16(b[6:], request)
	copy(b[8:], hardware[:])
	copy(b[14:], four[:])
	copy(b[18:], target[:])
	copy(b[24:], four[:])
}
