// SPDX-License-Identifier: Apache-2.0

package connections

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// goldens are datagrams of sync id 66 with one connection each. The lines of bytes are those of struct ip_vs_sync_mesg and of
// struct ip_vs_sync_v4 and ip_vs_sync_v6 in the drawings of ip_vs_sync.c; flags are IP_VS_CONN_F_* of linux/ip_vs.h.
var goldens = []struct {
	name       string
	connection Connection
	details    Details
	bytes      string
}{
	{
		"TCP, established, NAT",
		Connection{Protocol: ipvs.TCP, Client: at("198.51.100.1:54321"), Virtual: at("198.51.100.10:443"), RealServer: at("192.0.2.11:8080"), State: 1, Expires: 899},
		Details{Method: ipvs.Masquerade}, `
00 42 002c 01 01 0000
00 06 0024 00000000 0001 d431 01bb 1f90 00000000 00000383
c6336401 c633640a c000020b`,
	},
	{
		"TCP, closing, direct routing: NOOUTPUT 0x80, INACTIVE 0x100, DROUTE 3",
		Connection{Protocol: ipvs.TCP, Client: at("198.51.100.1:54321"), Virtual: at("198.51.100.10:443"), RealServer: at("192.0.2.11:443"), State: 4, Expires: 119},
		Details{Method: ipvs.DirectRoute}, `
00 42 002c 01 01 0000
00 06 0024 00000183 0004 d431 01bb 01bb 00000000 00000077
c6336401 c633640a c000020b`,
	},
	{
		"UDP has one state and is never active: INACTIVE 0x100, NOOUTPUT 0x80, TUNNEL 2; less than a second is left",
		Connection{Protocol: ipvs.UDP, Client: at("198.51.100.1:54321"), Virtual: at("198.51.100.10:53"), RealServer: at("192.0.2.11:53")},
		Details{Method: ipvs.Tunnelling}, `
00 42 002c 01 01 0000
00 11 0024 00000182 0000 d431 0035 0035 00000000 00000001
c6336401 c633640a c000020b`,
	},
	{
		"IPv6, SCTP, by a mark: STYPE_F_INET6 1",
		Connection{Protocol: ipvs.SCTP, Client: at("[2001:db8:c::1]:54321"), Virtual: at("[2001:db8:a::10]:443"), RealServer: at("[2001:db8::b]:443"), State: 8, Expires: 900},
		Details{Method: ipvs.DirectRoute, Mark: 100}, `
00 42 0050 01 01 0000
01 84 0048 00000083 0008 d431 01bb 01bb 00000064 00000384
20010db8000c00000000000000000001 20010db8000a00000000000000000010 20010db800000000000000000000000b`,
	},
	{
		"a template goes out with the service's time-out: TEMPLATE 0x1000, INACTIVE 0x100",
		Connection{Protocol: ipvs.TCP, Client: at("198.51.100.0:0"), Virtual: at("198.51.100.10:443"), RealServer: at("192.0.2.11:443"), State: 1, Expires: 3, Template: true},
		Details{Method: ipvs.Masquerade, Persistence: 600}, `
00 42 002c 01 01 0000
00 06 0024 00001100 0001 0000 01bb 01bb 00000000 00000258
c6336400 c633640a c000020b`,
	},
	{
		"a template of a mark is of no protocol",
		Connection{Client: at("198.51.100.1:0"), Virtual: at("0.0.0.100:0"), RealServer: at("192.0.2.11:0"), Expires: 42, Template: true},
		Details{Method: ipvs.DirectRoute, Mark: 100}, `
00 42 002c 01 01 0000
00 00 0024 00001183 0000 0000 0000 0000 00000064 0000002a
c6336401 00000064 c000020b`,
	},
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDatagramsAreTheKernels(t *testing.T) {
	e := NewEncoder(66, 1472)
	for _, c := range goldens {
		e.Reset()
		if !e.Append(c.connection, c.details) {
			t.Fatalf("%s: does not fit", c.name)
		}
		if diff := cmp.Diff(hex.Dump(unhex(t, c.bytes)), hex.Dump(e.Datagram())); diff != "" {
			t.Errorf("%s: written (+), want (-):\n%s", c.name, diff)
		}
	}
}

func TestFamiliesShareADatagram(t *testing.T) {
	e := NewEncoder(66, 1472)
	e.Append(goldens[3].connection, goldens[3].details)
	e.Append(goldens[0].connection, goldens[0].details)
	want := append(unhex(t, "00 42 0074 02 01 0000"), unhex(t, goldens[3].bytes)[headerLength:]...)
	want = append(want, unhex(t, goldens[0].bytes)[headerLength:]...)
	if diff := cmp.Diff(hex.Dump(want), hex.Dump(e.Datagram())); diff != "" {
		t.Errorf("written (+), want (-):\n%s", diff)
	}
}

func TestActiveIsWhatTheKernelCountsAsActive(t *testing.T) {
	for _, c := range []struct {
		protocol ipvs.Protocol
		active   []bool // by state
	}{
		{ipvs.TCP, []bool{false, true, true, true, false, false, false, false, false, false, true}},
		{ipvs.UDP, []bool{false}},
		{ipvs.SCTP, []bool{8: true, 13: false}},
	} {
		for state, want := range c.active {
			got := flags(Connection{Protocol: c.protocol, State: uint16(state)}, ipvs.Masquerade)&flagInactive == 0
			if got != want {
				t.Errorf("%s in state %d: active %v", c.protocol, state, got)
			}
		}
	}
}

// fill appends until nothing more fits, and returns how many did.
func fill(e *Encoder, c Connection) int {
	n := 0
	for e.Append(c, Details{}) {
		n++
	}
	return n
}

func TestADatagramIsFullInTime(t *testing.T) {
	four, six := goldens[0].connection, goldens[3].connection
	for _, c := range []struct {
		name                string
		length              int
		connection          Connection
		connections, octets int
	}{
		{"an Ethernet frame", 1472, four, 40, 8 + 40*36},
		{"IPv6 in an Ethernet frame", 1452, six, 20, 8 + 20*72},
		{"to the last byte", 8 + 3*36, four, 3, 8 + 3*36},
		{"one byte short", 8 + 3*36 - 1, four, 2, 8 + 2*36},
		{"one byte counts the connections", 65487, four, 255, 8 + 255*36},
		{"one always fits", 0, six, 1, 80},
	} {
		e := NewEncoder(1, c.length)
		for range 2 { // a Reset leaves nothing behind
			n := fill(e, c.connection)
			b := e.Datagram()
			if n != c.connections || e.Count() != n || len(b) != c.octets || int(b[2])<<8|int(b[3]) != c.octets || int(b[4]) != n {
				t.Errorf("%s: %d connections, %d bytes, header % x; want %d, %d", c.name, n, len(b), b[:headerLength], c.connections, c.octets)
			}
			e.Reset()
			if e.Count() != 0 || e.Datagram() != nil {
				t.Errorf("%s: there is something in it after a Reset", c.name)
			}
		}
	}
}

func TestWritingAllocatesNothing(t *testing.T) {
	e := NewEncoder(66, 1472)
	for _, c := range goldens {
		n := testing.AllocsPerRun(100, func() {
			if !e.Append(c.connection, c.details) {
				_ = e.Datagram()
				e.Reset()
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}
