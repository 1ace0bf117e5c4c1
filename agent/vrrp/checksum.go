// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"encoding/binary"
	"net/netip"
)

// onesSum adds the bytes to sum as big-endian 16-bit words (RFC 1071). An odd last byte counts as a high byte.
func onesSum(sum uint32, b []byte) uint32 {
	for len(b) >= 2 {
		sum += uint32(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	return sum
}

// pseudoHeaderSum adds the pseudo-header: source, destination, protocol and length (RFC 5798 section 5.2.8 for IPv4, RFC 8200
// section 8.1 for IPv6).
func pseudoHeaderSum(sum uint32, src, dst netip.Addr, length int) uint32 {
	if src.Is4() {
		from, to := src.As4(), dst.As4()
		sum = onesSum(onesSum(sum, from[:]), to[:])
	} else {
		from, to := src.As16(), dst.As16()
		sum = onesSum(onesSum(sum, from[:]), to[:])
	}
	return sum + Protocol + uint32(length)
}

// fold brings a sum of words into 16 bits, the carries added back in.
func fold(sum uint32) uint16 {
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return uint16(sum)
}

// checksumHolds reports whether a received packet sums to all ones: over IPv6 with the pseudo-header; over IPv4 in version 2 by
// itself, in version 3 by itself (RFC 9568 section 5.2.8) or with the pseudo-header (RFC 5798). Old keepalived put the multicast
// group into that of a unicast packet.
func checksumHolds(v Version, packet []byte, src, dst netip.Addr) bool {
	const allOnes = 0xffff
	sum := onesSum(0, packet)
	if src.Is4() && fold(sum) == allOnes {
		return true
	}
	if v != Version3 {
		return false
	}
	return fold(pseudoHeaderSum(sum, src, dst, len(packet))) == allOnes ||
		!dst.IsMulticast() && fold(pseudoHeaderSum(sum, src, Group(src), len(packet))) == allOnes
}
