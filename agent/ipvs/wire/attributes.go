// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// walk calls visit with each attribute of a list. Each is a header of length and type, the value, and padding.
func walk(b []byte, visit func(kind uint16, v value)) error {
	for len(b) >= nlaHeaderSize {
		length := int(binary.NativeEndian.Uint16(b))
		kind := binary.NativeEndian.Uint16(b[2:]) & typeMask
		if length < nlaHeaderSize || length > len(b) {
			return fmt.Errorf("netlink attribute %d has length %d, with %d bytes left", kind, length, len(b))
		}
		visit(kind, b[nlaHeaderSize:length])
		b = b[min(padded(length), len(b)):]
	}
	return nil
}

// inside is the value of the attribute of this type. Of several the last wins.
func inside(b []byte, kind uint16, name string) (value, error) {
	var found value
	if err := walk(b, func(k uint16, v value) {
		if k == kind {
			found = v
		}
	}); err != nil {
		return nil, err
	}
	if found == nil {
		return nil, fmt.Errorf("the answer holds no %s", name)
	}
	return found, nil
}

// value is what an attribute holds. One that is too short reads as zero.
type value []byte

func (v value) uint8() uint8 {
	if len(v) < 1 {
		return 0
	}
	return v[0]
}

func (v value) uint16() uint16 {
	if len(v) < 2 {
		return 0
	}
	return binary.NativeEndian.Uint16(v)
}

func (v value) big16() uint16 {
	if len(v) < 2 {
		return 0
	}
	return binary.BigEndian.Uint16(v)
}

func (v value) uint32() uint32 {
	if len(v) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(v)
}

func (v value) big32() uint32 {
	if len(v) < 4 {
		return 0
	}
	return binary.BigEndian.Uint32(v)
}

// number reads 8 bytes, or 4 of an attribute that has no more.
func (v value) number() uint64 {
	if len(v) < 8 {
		return uint64(v.uint32())
	}
	return binary.NativeEndian.Uint64(v)
}

// address reads an address of this family from the kernel's union nf_inet_addr.
func (v value) address(family ipvs.Family) (netip.Addr, error) {
	switch {
	case family == ipvs.IPv4 && len(v) >= 4:
		return netip.AddrFrom4([4]byte(v[:4])), nil
	case family == ipvs.IPv6 && len(v) >= 16:
		return netip.AddrFrom16([16]byte(v[:16])), nil
	default:
		return netip.Addr{}, fmt.Errorf("%d bytes are no address of %s", len(v), family)
	}
}

// names are the schedulers and the engine of the kernel: a table of 10,000 services shares them.
var names = []string{
	"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "mh", "sed", "nq", "fo", "ovf", "twos", "sip",
}

// text reads a string up to its zero byte.
func (v value) text() string {
	if end := bytes.IndexByte(v, 0); end >= 0 {
		v = v[:end]
	}
	for _, name := range names {
		if string(v) == name {
			return name
		}
	}
	return string(v)
}
