// SPDX-License-Identifier: Apache-2.0

package ipvs

import (
	"fmt"
	"net/netip"
)

// Family is an address family by the kernel's number (AF_INET and AF_INET6 of linux/socket.h).
type Family uint16

// Address families of services and destinations.
const (
	IPv4 Family = 2
	IPv6 Family = 10
)

// FamilyOf is the family of an address. An IPv4 address inside an IPv6 one (::ffff:192.0.2.1) is IPv6, as in the kernel.
func FamilyOf(address netip.Addr) Family {
	if address.Is4() {
		return IPv4
	}
	return IPv6
}

// Unspecified is 0.0.0.0 or ::.
func (f Family) Unspecified() netip.Addr {
	if f == IPv4 {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

// String is IPv4 or IPv6, and the number for any other.
func (f Family) String() string {
	switch f {
	case IPv4:
		return "IPv4"
	case IPv6:
		return "IPv6"
	default:
		return fmt.Sprintf("address family %d", uint16(f))
	}
}
