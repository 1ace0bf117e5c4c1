// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/binary"
	"math/bits"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// A table of 100,000 destinations is 100,000 messages and two million attributes. Nearly all are alike: a service by an IPv4 address,
// a destination with one, no tunnel. Such a message has one length, and each of its attributes is 8 bytes, so it is written as 8-byte
// numbers into place, several times faster than attribute by attribute.

const (
	shortService = nlaHeaderSize + 4*shortSize // family, protocol, address, port
	shortDest    = nlaHeaderSize + 7*shortSize // family, address, port, method, weight, two thresholds
	shortHeaders = nlmsgHeaderSize + genlHeaderSize
	shortMessage = shortHeaders + shortService + shortDest
	shortSize    = nlaHeaderSize + 4
)

// isShort says whether a message about a destination has that form.
func isShort(key ipvs.ServiceKey, d ipvs.Destination) bool {
	return key.Mark == 0 && key.Address.Is4() && d.Address.Is4() && d.Method != ipvs.Tunnelling
}

// appendShort appends the message that says all of a destination.
func (r Request) appendShort(b []byte, command command, key ipvs.ServiceKey, d ipvs.Destination) []byte {
	start := len(b)
	b = append(b, blank[:]...)
	m := b[start : start+shortMessage : start+shortMessage]
	native := binary.NativeEndian
	native.PutUint32(m[0:], shortMessage)
	native.PutUint16(m[4:], r.Family)
	native.PutUint16(m[6:], flagRequest)
	native.PutUint32(m[8:], r.Sequence)
	m[16], m[17] = uint8(command), familyVersion

	s := m[shortHeaders : shortHeaders+shortService]
	native.PutUint16(s[0:], shortService)
	native.PutUint16(s[2:], attrService|nested)
	native.PutUint64(s[4:], short(serviceFamily, 2, first16(uint16(ipvs.IPv4))))
	native.PutUint64(s[12:], short(serviceProtocol, 2, first16(uint16(key.Protocol))))
	vip := key.Address.As4()
	native.PutUint64(s[20:], short(serviceAddress, 4, native.Uint32(vip[:])))
	native.PutUint64(s[28:], short(servicePort, 2, first16(network16(key.Port))))

	t := m[shortHeaders+shortService : shortMessage]
	native.PutUint16(t[0:], shortDest)
	native.PutUint16(t[2:], attrDest|nested)
	native.PutUint64(t[4:], short(destFamily, 2, first16(uint16(ipvs.IPv4))))
	rip := d.Address.As4()
	native.PutUint64(t[12:], short(destAddress, 4, native.Uint32(rip[:])))
	native.PutUint64(t[20:], short(destPort, 2, first16(network16(d.Port))))
	native.PutUint64(t[28:], short(destMethod, 4, uint32(d.Method)))
	native.PutUint64(t[36:], short(destWeight, 4, d.Weight))
	native.PutUint64(t[44:], short(destUpperThreshold, 4, d.UpperThreshold))
	native.PutUint64(t[52:], short(destLowerThreshold, 4, d.LowerThreshold))
	return b
}

var blank [shortMessage]byte

var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// short is the number whose memory is an attribute with a value of size bytes, which are the first of value's memory.
func short(kind uint16, size int, value uint32) uint64 {
	length := uint64(nlaHeaderSize + size)
	if littleEndian {
		return uint64(value)<<32 | uint64(kind)<<16 | length
	}
	return length<<48 | uint64(kind)<<32 | uint64(value)
}

// first16 is the number of which the first bytes in memory are those of v.
func first16(v uint16) uint32 {
	if littleEndian {
		return uint32(v)
	}
	return uint32(v) << 16
}

// network16 is the number whose memory is v in network byte order.
func network16(v uint16) uint16 {
	if littleEndian {
		return bits.ReverseBytes16(v)
	}
	return v
}
