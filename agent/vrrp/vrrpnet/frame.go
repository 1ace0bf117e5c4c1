// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/checksum"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

const (
	// ethernetHeader is two addresses and a type (RFC 894, RFC 2464 section 3).
	ethernetHeader = 14
	ipv4Header     = 20
)

// putEthernet writes the header of a frame.
func putEthernet(frame []byte, to, from hardwareAddress, kind uint16) {
	copy(frame, to[:])
	copy(frame[6:], from[:])
	binary.BigEndian.PutUint16(frame[12:], kind)
}

// multicastHardware is the Ethernet address of a multicast group: RFC 1112 section 6.4, RFC 2464 section 7.
func multicastHardware(group netip.Addr) hardwareAddress {
	if group.Is4() {
		four := group.As4()
		return hardwareAddress{0x01, 0, 0x5e, four[1] & 0x7f, four[2], four[3]}
	}
	sixteen := group.As16()
	return hardwareAddress{0x33, 0x33, sixteen[12], sixteen[13], sixteen[14], sixteen[15]}
}

// appendFrame appends the frame of an advertisement to everybody, from a hardware address that need not be the interface's
// (RFC 9568 section 7.2).
func appendFrame(b []byte, a vrrp.Advertisement, from hardwareAddress, source netip.Addr) ([]byte, error) {
	group := vrrp.Group(source)
	begin, header, kind := len(b), ipv4Header, uint16(unix.ETH_P_IP)
	if source.Is6() {
		header, kind = ipv6Header, unix.ETH_P_IPV6
	}
	b = append(b, make([]byte, ethernetHeader+header)...)
	b, err := a.AppendBinary(b, source, group)
	if err != nil {
		return b[:begin], err
	}
	frame := b[begin:]
	putEthernet(frame, multicastHardware(group), from, kind)
	packet := frame[ethernetHeader:]
	if source.Is6() {
		putIPv6(packet, source, group)
	} else {
		putIPv4(packet, source, group)
	}
	return b, nil
}

// putIPv4 writes the header of a packet of VRRP that is never fragmented, and so needs no identification (RFC 791 section 3.1,
// RFC 6864 section 4.1).
func putIPv4(packet []byte, source, destination netip.Addr) {
	const (
		versionAndLength = 0x45
		dontFragment     = 0x4000
	)
	from, to := source.As4(), destination.As4()
	packet[0], packet[1] = versionAndLength, internetworkControl
	binary.BigEndian.PutUint16(packet[2:], uint16(len(packet)))
	binary.BigEndian.PutUint16(packet[6:], dontFragment)
	packet[8], packet[9] = vrrp.TTL, vrrp.Protocol
	copy(packet[12:], from[:])
	copy(packet[16:], to[:])
	binary.BigEndian.PutUint16(packet[10:], ^checksum.Fold(checksum.Sum(0, packet[:ipv4Header])))
}

// putIPv6 writes the header of a packet of VRRP (RFC 8200 section 3).
func putIPv6(packet []byte, source, destination netip.Addr) {
	const version = 6
	from, to := source.As16(), destination.As16()
	binary.BigEndian.PutUint32(packet, version<<28|internetworkControl<<20)
	binary.BigEndian.PutUint16(packet[4:], uint16(len(packet)-ipv6Header))
	packet[6], packet[7] = vrrp.Protocol, vrrp.TTL
	copy(packet[8:], from[:])
	copy(packet[24:], to[:])
}
