// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"fmt"
	"net/netip"
	"strconv"
	"time"
)

// Version is the protocol version in the upper four bits of a packet's first byte.
type Version uint8

// The two versions in use.
const (
	// Version2 is RFC 3768 and its predecessor RFC 2338: IPv4 only, whole seconds, optional password.
	Version2 Version = 2
	// Version3 is RFC 9568 and its predecessor RFC 5798: hundredths of a second, no authentication.
	Version3 Version = 3
)

// String returns "2" or "3", as keepalived.conf writes vrrp_version.
func (v Version) String() string { return strconv.Itoa(int(v)) }

const (
	// Protocol is the IP protocol number of VRRP (RFC 9568 section 5.1.1.4).
	Protocol = 112
	// TTL is the only time to live with which a packet is sent and accepted (RFC 9568 section 5.1.1.3).
	TTL = 255

	// PriorityResign in an advertisement says that the sender stops being Active (RFC 9568 section 5.2.4).
	PriorityResign uint8 = 0
	// PriorityDefault is what a router has unless told otherwise (RFC 9568 section 5.2.4).
	PriorityDefault uint8 = 100
	// PriorityOwner is that of the router whose own addresses the virtual ones are (RFC 9568 section 5.2.4).
	PriorityOwner uint8 = 255
)

// Group is the multicast group of VRRP for the family of an address: 224.0.0.18 (RFC 9568 section 5.1.1.2) or ff02::12 (section
// 5.1.2.2).
func Group(family netip.Addr) netip.Addr {
	if family.Is4() {
		return netip.AddrFrom4([4]byte{224, 0, 0, 18})
	}
	return netip.AddrFrom16([16]byte{0: 0xff, 1: 0x02, 15: 0x12})
}

// MAC is an Ethernet address.
type MAC [6]byte

// String writes it as ip(8) does: 00:00:5e:00:01:42.
func (m MAC) String() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

// VirtualMAC is the address that a virtual router has whichever director is Active: 00-00-5E-00-01-{id} in the family of IPv4,
// 00-00-5E-00-02-{id} in that of IPv6 (RFC 9568 section 7.3).
func VirtualMAC(family netip.Addr, vrid uint8) MAC {
	if family.Is4() {
		return MAC{0, 0, 0x5e, 0, 1, vrid}
	}
	return MAC{0, 0, 0x5e, 0, 2, vrid}
}

// LinkLocal is the link-local address that a virtual router of IPv6 can have as its own: the interface identifier of its virtual
// MAC address 00-00-5E-00-02-{id} (RFC 9568 section 7.3, RFC 4291 appendix A).
func LinkLocal(vrid uint8) netip.Addr {
	return netip.AddrFrom16([16]byte{0xfe, 0x80, 8: 0x02, 0x00, 0x5e, 0xff, 0xfe, 0x00, 0x02, vrid})
}

// intervalUnit is the unit in which the version's packets carry the interval: a second (RFC 3768 section 5.3.7) or a
// hundredth of it (RFC 9568 section 5.2.7). It is 0 for an unknown version.
func (v Version) intervalUnit() time.Duration {
	switch v {
	case Version2:
		return time.Second
	case Version3:
		return 10 * time.Millisecond
	}
	return 0
}

// maxInterval is the longest interval that the version's packets can carry: 8 bits of seconds, or 12 bits of
// hundredths. It is 0 for an unknown version.
func (v Version) maxInterval() time.Duration {
	switch v {
	case Version2:
		return 0xff * time.Second
	case Version3:
		return 0xfff * 10 * time.Millisecond
	}
	return 0
}
