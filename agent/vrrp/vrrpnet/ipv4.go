// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"encoding/binary"
	"net/netip"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// maxPacket has room for an IPv4 header with options and the largest advertisement of 255 addresses.
const maxPacket = 60 + 8 + 4*255 + 8

// splitIPv4 separates what a raw socket reads (RFC 791 section 3.1) into what the header says and the payload.
// vrrp.ErrTruncated is its only error.
func splitIPv4(packet []byte) (vrrp.Envelope, []byte, error) {
	const minHeader = 20
	if len(packet) < minHeader || packet[0]>>4 != 4 {
		return vrrp.Envelope{}, nil, vrrp.ErrTruncated
	}
	header := int(packet[0]&0xf) * 4
	total := int(binary.BigEndian.Uint16(packet[2:]))
	if header < minHeader || total < header || total > len(packet) {
		return vrrp.Envelope{}, nil, vrrp.ErrTruncated
	}
	return vrrp.Envelope{
		TTL:         int(packet[8]),
		Source:      netip.AddrFrom4([4]byte(packet[12:16])),
		Destination: netip.AddrFrom4([4]byte(packet[16:20])),
	}, packet[header:total], nil
}
