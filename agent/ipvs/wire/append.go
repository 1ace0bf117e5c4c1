// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/binary"
	"net/netip"
)

// begin appends the headers of a message; end fills its length in.
func begin(b []byte, kind, flags uint16, sequence uint32, command, version uint8) []byte {
	b = binary.NativeEndian.AppendUint32(b, 0)
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = binary.NativeEndian.AppendUint16(b, flagRequest|flags)
	b = binary.NativeEndian.AppendUint32(b, sequence)
	b = binary.NativeEndian.AppendUint32(b, 0)
	return append(b, command, version, 0, 0)
}

// end fills the length of the message in that begins at start.
func end(b []byte, start int) []byte {
	binary.NativeEndian.PutUint32(b[start:], uint32(len(b)-start))
	return b
}

// beginNested appends the header of an attribute of attributes; endNested fills its length in.
func beginNested(b []byte, kind uint16) []byte { return appendHeader(b, kind|nested, 0) }

func endNested(b []byte, start int) []byte {
	binary.NativeEndian.PutUint16(b[start:], uint16(len(b)-start))
	return b
}

// appendHeader appends the header of an attribute whose value has size bytes.
func appendHeader(b []byte, kind uint16, size int) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(nlaHeaderSize+size))
	return binary.NativeEndian.AppendUint16(b, kind)
}

func append8(b []byte, kind uint16, value uint8) []byte {
	return append(appendHeader(b, kind, 1), value, 0, 0, 0)
}

func append16(b []byte, kind, value uint16) []byte {
	b = binary.NativeEndian.AppendUint16(appendHeader(b, kind, 2), value)
	return append(b, 0, 0)
}

// appendBig16 appends a value in network byte order, as ports are.
func appendBig16(b []byte, kind, value uint16) []byte {
	b = binary.BigEndian.AppendUint16(appendHeader(b, kind, 2), value)
	return append(b, 0, 0)
}

func append32(b []byte, kind uint16, value uint32) []byte {
	return binary.NativeEndian.AppendUint32(appendHeader(b, kind, 4), value)
}

// appendBig32 appends a value in network byte order, as IPv4 netmasks are.
func appendBig32(b []byte, kind uint16, value uint32) []byte {
	return binary.BigEndian.AppendUint32(appendHeader(b, kind, 4), value)
}

// appendAddress appends an address of 4 or 16 bytes.
func appendAddress(b []byte, kind uint16, address netip.Addr) []byte {
	if address.Is4() {
		bytes := address.As4()
		return append(appendHeader(b, kind, len(bytes)), bytes[:]...)
	}
	bytes := address.As16()
	return append(appendHeader(b, kind, len(bytes)), bytes[:]...)
}

// appendString appends a string that ends in a zero byte, padded.
func appendString(b []byte, kind uint16, value string) []byte {
	b = append(appendHeader(b, kind, len(value)+1), value...)
	b = append(b, 0)
	for padding := (len(value) + 1) % alignment; padding != 0 && padding < alignment; padding++ {
		b = append(b, 0)
	}
	return b
}
