// SPDX-License-Identifier: Apache-2.0

package connections

import (
	"encoding/binary"
	"math"
	"net/netip"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// The format (ip_vs_sync.c): a header, struct ip_vs_sync_mesg, and then a struct ip_vs_sync_v4 or ip_vs_sync_v6 for each
// connection. All numbers are in network order.
const (
	headerLength = 8
	length4      = 36
	length6      = 72
	fixedLength  = 24 // of both, before the addresses

	version = 1 // SYNC_PROTO_VER
	type6   = 1 // STYPE_F_INET6

	// most is how many connections the header's one byte can count.
	most = math.MaxUint8
)

// Flags of a connection (IP_VS_CONN_F_* of linux/ip_vs.h) beside the forwarding method.
const (
	flagNoOutput = 0x0080
	flagInactive = 0x0100
	flagTemplate = 0x1000
)

// Encoder packs connections into datagrams, one after the other, in one buffer.
type Encoder struct {
	buffer []byte
	count  int
}

// NewEncoder returns an Encoder for the sync id, whose datagrams are at most so many bytes long. One connection always fits: a
// length below 80 is 80.
func NewEncoder(id uint8, maxLength int) *Encoder {
	e := &Encoder{buffer: make([]byte, headerLength, max(maxLength, headerLength+length6))}
	e.buffer[1], e.buffer[5] = id, version
	return e
}

// Append adds the connection to the datagram. False: the datagram has no room for it, and is as it was; after a Reset it fits. The
// connection has to be Portable.
func (e *Encoder) Append(c Connection, d Details) bool {
	length, kind := length4, byte(0)
	if !c.Client.Addr().Is4() {
		length, kind = length6, type6
	}
	if e.count == most || len(e.buffer)+length > cap(e.buffer) {
		return false
	}
	start := len(e.buffer)
	e.buffer = e.buffer[:start+length]
	b := e.buffer[start:]
	b[0], b[1] = kind, byte(c.Protocol)
	binary.BigEndian.PutUint16(b[2:], uint16(length)) // above it the version of the record, which is 0
	binary.BigEndian.PutUint32(b[4:], flags(c, d.Method))
	binary.BigEndian.PutUint16(b[8:], c.State)
	binary.BigEndian.PutUint16(b[10:], c.Client.Port())
	binary.BigEndian.PutUint16(b[12:], c.Virtual.Port())
	binary.BigEndian.PutUint16(b[14:], c.RealServer.Port())
	binary.BigEndian.PutUint32(b[16:], d.Mark)
	binary.BigEndian.PutUint32(b[20:], timeout(c, d))
	at := b[fixedLength:]
	for _, address := range [3]netip.Addr{c.Client.Addr(), c.Virtual.Addr(), c.RealServer.Addr()} {
		at = at[put(at, address):]
	}
	e.count++
	return true
}

// Count is how many connections are in the datagram, 0 to 255.
func (e *Encoder) Count() int { return e.count }

// Datagram is what to send; nil if there is no connection in it. It is valid until the next Append or Reset.
func (e *Encoder) Datagram() []byte {
	if e.count == 0 {
		return nil
	}
	binary.BigEndian.PutUint16(e.buffer[2:], uint16(len(e.buffer)))
	e.buffer[4] = byte(e.count)
	return e.buffer
}

// Reset begins the next datagram.
func (e *Encoder) Reset() { e.buffer, e.count = e.buffer[:headerLength], 0 }

// put writes the address, and returns its length.
func put(b []byte, address netip.Addr) int {
	if address.Is4() {
		four := address.As4()
		return copy(b, four[:])
	}
	sixteen := address.As16()
	return copy(b, sixteen[:])
}

// flags are as the kernel sets them on a connection of its own (ip_vs_bind_dest of ip_vs_conn.c, __ip_vs_update_dest of
// ip_vs_ctl.c): answers of a real server pass the director only with masquerading.
func flags(c Connection, method ipvs.Method) uint32 {
	flags := uint32(method)
	if method != ipvs.Masquerade {
		flags |= flagNoOutput
	}
	if !c.active() {
		flags |= flagInactive
	}
	if c.Template {
		flags |= flagTemplate
	}
	return flags
}

// timeout is in seconds, at least 1: the kernel takes 0 for its own default, 3 minutes for a template and otherwise that of the
// state.
func timeout(c Connection, d Details) uint32 {
	if c.Template && d.Persistence > 0 {
		return d.Persistence
	}
	return max(c.Expires, 1)
}
