// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"

	"github.com/lvs-operator/lvs-operator/agent/checksum"
)

// pseudoHeaderSum adds the pseudo-header: source, destination, protocol and length (RFC 5798 section 5.2.8 for IPv4, RFC 8200
// section 8.1 for IPv6).
func pseudoHeaderSum(sum uint32, src, dst netip.Addr, length int) uint32 {
	if src.Is4() {
		from, to := src.As4(), dst.As4()
		sum = checksum.Sum(checksum.Sum(sum, from[:]), to[:])
	} else {
		from, to := src.As16(), dst.As16()
		sum = checksum.Sum(checksum.Sum(sum, from[:]), to[:])
	}
	return sum + Protocol + uint32(length)
}

// checksumHolds reports whether a received packet sums to all ones: over IPv6 with the pseudo-header; over IPv4 in version 2 by
// itself, in version 3 by itself (RFC 9568 section 5.2.8) or with the pseudo-header (RFC 5798). Old keepalived put the multicast
// group into that of a unicast packet.
func checksumHolds(v Version, packet []byte, src, dst netip.Addr) bool {
	sum := checksum.Sum(0, packet)
	if src.Is4() && checksum.Fold(sum) == checksum.Right {
		return true
	}
	if v != Version3 {
		return false
	}
	return checksum.Fold(pseudoHeaderSum(sum, src, dst, len(packet))) == checksum.Right ||
		!dst.IsMulticast() && checksum.Fold(pseudoHeaderSum(sum, src, Group(src), len(packet))) == checksum.Right
}
