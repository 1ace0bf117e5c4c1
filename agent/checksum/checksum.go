// SPDX-License-Identifier: Apache-2.0

// Package checksum is the Internet checksum (RFC 1071), by which IPv4, ICMP and VRRP protect their packets.
package checksum

import "encoding/binary"

// Right is the folded sum of bytes that hold their own checksum.
const Right = 0xffff

// Sum adds bytes to sum as big-endian 16-bit words; an odd last byte counts as a high byte. It is good for 128 KiB in all.
func Sum(sum uint32, b []byte) uint32 {
	for len(b) >= 2 {
		sum += uint32(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	return sum
}

// Fold brings a sum of words into 16 bits, the carries added back in. Its complement is the checksum.
func Fold(sum uint32) uint16 {
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return uint16(sum)
}
