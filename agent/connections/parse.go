// SPDX-License-Identifier: Apache-2.0

package connections

import (
	"bytes"
	"fmt"
	"math"
	"net/netip"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// Header says whether the line is the table's first, which names the columns.
func Header(line []byte) bool { return bytes.HasPrefix(line, []byte("Pro FromIP ")) }

// Parse reads one line of /proc/net/ip_vs_conn_sync (ip_vs_conn_sync_seq_show of ip_vs_conn.c) or of /proc/net/ip_vs_conn
// (ip_vs_conn_seq_show), with or without its end. It allocates nothing unless it fails.
//
// The second file does not say which entries are Synced; what a persistence engine adds to its lines is not read. A template is
// known by the name of its state, which old kernels do not write for UDP.
func Parse(line []byte) (Connection, error) {
	var c Connection
	f := fields{rest: line}
	protocol := f.next()
	c.Protocol = f.protocol(protocol)
	c.Client = f.addrPort("client")
	c.Virtual = f.addrPort("virtual service")
	c.RealServer = f.addrPort("real server")
	if f.wrong == "" && c.Client.Addr().Is4() != c.Virtual.Addr().Is4() {
		f.wrong = "client and virtual address are of two families"
	}
	f.state(&c, f.next())
	last := f.next()
	switch string(last) {
	case "SYNC":
		c.Synced, last = true, f.next()
	case "LOCAL":
		last = f.next()
	}
	c.Expires = f.seconds(last)
	if f.wrong != "" {
		return Connection{}, fmt.Errorf("IPVS connection %.200q: %s", line, f.wrong)
	}
	return c, nil
}

// fields takes a line apart at its blanks. Its methods do nothing more after the first that goes wrong.
type fields struct {
	rest []byte
	// wrong says what is wrong with the line; empty: nothing so far.
	wrong string
}

// next is the next field, empty at the end of the line.
func (f *fields) next() []byte {
	start := 0
	for start < len(f.rest) && (f.rest[start] == ' ' || f.rest[start] == '\n') {
		start++
	}
	end := start
	for end < len(f.rest) && f.rest[end] != ' ' && f.rest[end] != '\n' {
		end++
	}
	field := f.rest[start:end]
	f.rest = f.rest[end:]
	return field
}

func (f *fields) protocol(field []byte) ipvs.Protocol {
	switch string(field) {
	case "TCP":
		return ipvs.TCP
	case "UDP":
		return ipvs.UDP
	case "SCTP":
		return ipvs.SCTP
	case "IP":
		return 0
	default:
		f.wrong = "the protocol must be TCP, UDP, SCTP or IP"
		return 0
	}
}

// state sets the connection's state, and whether it is a template: that has no client port, and states of its own.
func (f *fields) state(c *Connection, field []byte) {
	if f.wrong != "" {
		return
	}
	ok := false
	if c.Client.Port() == 0 {
		c.State, ok = number(templateStates[:], field)
		c.Template = ok
	}
	if !ok {
		switch c.Protocol {
		case ipvs.TCP:
			c.State, ok = number(tcpStates[:], field)
		case ipvs.UDP:
			c.State, ok = number(udpStates[:], field)
		case ipvs.SCTP:
			c.State, ok = number(sctpStates[:], field)
		}
	}
	if !ok {
		f.wrong = "the protocol has no such state"
	}
}

// addrPort reads an address and a port, in hexadecimal digits.
func (f *fields) addrPort(of string) netip.AddrPort {
	address, port := f.next(), f.next()
	if f.wrong != "" {
		return netip.AddrPort{}
	}
	a, ok := parseAddress(address)
	p, okPort := hexadecimal(port, 4)
	if !ok || !okPort {
		f.wrong = "no address and port of the " + of
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a, uint16(p))
}

// parseAddress reads eight hexadecimal digits, or eight groups of four with colons between them (%pI6 of printk).
func parseAddress(field []byte) (netip.Addr, bool) {
	if number, ok := hexadecimal(field, 8); ok {
		return netip.AddrFrom4([4]byte{byte(number >> 24), byte(number >> 16), byte(number >> 8), byte(number)}), true
	}
	if len(field) != 39 {
		return netip.Addr{}, false
	}
	var bits [16]byte
	for i := range 8 {
		group, ok := hexadecimal(field[5*i:5*i+4], 4)
		if !ok || i < 7 && field[5*i+4] != ':' {
			return netip.Addr{}, false
		}
		bits[2*i], bits[2*i+1] = byte(group>>8), byte(group)
	}
	return netip.AddrFrom16(bits), true
}

// hexadecimal reads a number of exactly so many digits, at most eight.
func hexadecimal(field []byte, digits int) (uint32, bool) {
	if len(field) != digits {
		return 0, false
	}
	var number uint32
	for _, character := range field {
		digit := digitOf[character]
		if digit == noDigit {
			return 0, false
		}
		number = number<<4 | uint32(digit)
	}
	return number, true
}

const noDigit = 0xff

// digitOf is the value of each character as a hexadecimal digit. Addresses are most of a line.
var digitOf = func() (of [256]uint8) {
	for character := range of {
		of[character] = noDigit
	}
	for value := range uint8(10) {
		of['0'+value] = value
	}
	for value := range uint8(6) {
		of['A'+value], of['a'+value] = 10+value, 10+value
	}
	return of
}()

// seconds reads the time that is left. Old kernels show what is over as a huge number, because they subtract without a sign: that
// is 0.
func (f *fields) seconds(field []byte) uint32 {
	if f.wrong != "" {
		return 0
	}
	var number uint64
	for _, digit := range field {
		if digit < '0' || digit > '9' || number > (math.MaxUint64-9)/10 {
			f.wrong = "no number of seconds that are left"
			return 0
		}
		number = number*10 + uint64(digit-'0')
	}
	switch {
	case len(field) == 0:
		f.wrong = "no number of seconds that are left"
		return 0
	case number > math.MaxInt32:
		return 0
	default:
		return uint32(number)
	}
}
