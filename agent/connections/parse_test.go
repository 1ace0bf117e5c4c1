// SPDX-License-Identifier: Apache-2.0

package connections

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

const (
	header     = "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Origin Expires\n"
	headerConn = "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n"
)

func at(text string) netip.AddrPort { return netip.MustParseAddrPort(text) }

// lines are of every kind that the kernel prints.
var lines = []struct {
	name, line string
	says       Connection
}{
	{
		"IPv4", "TCP C6336401 D431 C633640A 01BB C000020B 1F90 ESTABLISHED LOCAL      899\n",
		Connection{Protocol: ipvs.TCP, Client: at("198.51.100.1:54321"), Virtual: at("198.51.100.10:443"), RealServer: at("192.0.2.11:8080"), State: 1, Expires: 899},
	},
	{
		"of another director", "UDP C6336401 D431 C633640A 0035 C000020B 0035 UDP         SYNC       300\n",
		Connection{Protocol: ipvs.UDP, Client: at("198.51.100.1:54321"), Virtual: at("198.51.100.10:53"), RealServer: at("192.0.2.11:53"), Expires: 300, Synced: true},
	},
	{
		"IPv6", "TCP 2001:0db8:000c:0000:0000:0000:0000:0001 D431 2001:0db8:000a:0000:0000:0000:0000:0010 01BB 2001:0db8:0000:0000:0000:0000:0000:000b 01BB FIN_WAIT    LOCAL      119\n",
		Connection{Protocol: ipvs.TCP, Client: at("[2001:db8:c::1]:54321"), Virtual: at("[2001:db8:a::10]:443"), RealServer: at("[2001:db8::b]:443"), State: 4, Expires: 119},
	},
	{
		"a tunnel to the other family", "SCTP C6336401 D431 C633640A 01BB 2001:0db8:0000:0000:0000:0000:0000:000b 01BB S-ACK-SENT  LOCAL        0\n",
		Connection{Protocol: ipvs.SCTP, Client: at("198.51.100.1:54321"), Virtual: at("198.51.100.10:443"), RealServer: at("[2001:db8::b]:443"), State: 11},
	},
	{
		"a state longer than its column", "SCTP C6336401 D431 C633640A 01BB C000020B 01BB ESTABLISHED LOCAL     1234567\n",
		Connection{Protocol: ipvs.SCTP, Client: at("198.51.100.1:54321"), Virtual: at("198.51.100.10:443"), RealServer: at("192.0.2.11:443"), State: 8, Expires: 1234567},
	},
	{
		"a template of one port", "TCP C6336400 0000 C633640A 01BB C000020B 01BB ASSURED     LOCAL      300\n",
		Connection{Protocol: ipvs.TCP, Client: at("198.51.100.0:0"), Virtual: at("198.51.100.10:443"), RealServer: at("192.0.2.11:443"), State: 1, Expires: 300, Template: true},
	},
	{
		"a template of all ports", "UDP C6336400 0000 C633640A 0000 C000020B 0000 NONE        SYNC        42\n",
		Connection{Protocol: ipvs.UDP, Client: at("198.51.100.0:0"), Virtual: at("198.51.100.10:0"), RealServer: at("192.0.2.11:0"), Expires: 42, Template: true, Synced: true},
	},
	{
		"a template of a mark", "IP  C6336401 0000 00000064 0000 C000020B 0000 NONE        LOCAL       42\n",
		Connection{Client: at("198.51.100.1:0"), Virtual: at("0.0.0.100:0"), RealServer: at("192.0.2.11:0"), Expires: 42, Template: true},
	},
	{
		"a connection that waits for its client's port", "TCP C6336401 0000 C633640A 1000 C000020B 1000 LISTEN      LOCAL      119\n",
		Connection{Protocol: ipvs.TCP, Client: at("198.51.100.1:0"), Virtual: at("198.51.100.10:4096"), RealServer: at("192.0.2.11:4096"), State: 9, Expires: 119},
	},
	{
		"ip_vs_conn", "TCP C6336401 D431 C633640A 01BB C000020B 1F90 SYN_RECV         59\n",
		Connection{Protocol: ipvs.TCP, Client: at("198.51.100.1:54321"), Virtual: at("198.51.100.10:443"), RealServer: at("192.0.2.11:8080"), State: 3, Expires: 59},
	},
	{
		"ip_vs_conn with a persistence engine", "UDP C6336401 0000 C633640A 13C4 C000020B 13C4 NONE            299 sip abc@client\n",
		Connection{Protocol: ipvs.UDP, Client: at("198.51.100.1:0"), Virtual: at("198.51.100.10:5060"), RealServer: at("192.0.2.11:5060"), Expires: 299, Template: true},
	},
	{
		"what stays for 68 years", "UDP C6336401 D431 C633640A 0035 C000020B 0035 UDP         LOCAL  2147483647\n",
		Connection{Protocol: ipvs.UDP, Client: at("198.51.100.1:54321"), Virtual: at("198.51.100.10:53"), RealServer: at("192.0.2.11:53"), Expires: 2147483647},
	},
	{
		"what is over, at the least", "UDP C6336401 D431 C633640A 0035 C000020B 0035 UDP         LOCAL  2147483648\n",
		Connection{Protocol: ipvs.UDP, Client: at("198.51.100.1:54321"), Virtual: at("198.51.100.10:53"), RealServer: at("192.0.2.11:53")},
	},
	{
		"what is over, before a kernel prints 0", "TCP C6336401 D431 C633640A 01BB C000020B 1F90 CLOSE       LOCAL  73786976294838206\n",
		Connection{Protocol: ipvs.TCP, Client: at("198.51.100.1:54321"), Virtual: at("198.51.100.10:443"), RealServer: at("192.0.2.11:8080"), State: 6},
	},
}

var addrPorts = cmpopts.EquateComparable(netip.AddrPort{})

func TestEveryKindOfLineIsRead(t *testing.T) {
	for _, c := range lines {
		for _, line := range []string{c.line, strings.TrimSuffix(c.line, "\n")} {
			got, err := Parse([]byte(line))
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			} else if diff := cmp.Diff(c.says, got, addrPorts); diff != "" {
				t.Errorf("%s: read (+), says (-):\n%s", c.name, diff)
			}
		}
	}
}

func TestEveryStateIsTheKernelsNumber(t *testing.T) {
	for _, c := range []struct {
		protocol, port string
		states         string // in the order of the enumerations in net/ip_vs.h
	}{
		{"TCP", "D431", "NONE ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT TIME_WAIT CLOSE CLOSE_WAIT LAST_ACK LISTEN SYNACK"},
		{"UDP", "D431", "UDP"},
		{"SCTP", "D431", "NONE INIT1 INIT C-SENT C-REPLIED C-WAIT COOKIE C-ECHOED ESTABLISHED S-SENT S-RECEIVED S-ACK-SENT REJECTED CLOSED"},
		{"IP ", "0000", "NONE ASSURED"},
		{"TCP", "0000", "NONE ASSURED"},
	} {
		for number, name := range strings.Fields(c.states) {
			line := fmt.Sprintf("%s C6336401 %s C633640A 01BB C000020B 01BB %-11s LOCAL  899\n", c.protocol, c.port, name)
			got, err := Parse([]byte(line))
			if err != nil || int(got.State) != number || got.Template != (c.port == "0000") {
				t.Errorf("%s: state %d, template %v, %v; want %d", line, got.State, got.Template, err, number)
			}
		}
	}
}

func TestGarbageIsRefusedAndNamed(t *testing.T) {
	const rest = " C6336401 D431 C633640A 01BB C000020B 1F90 ESTABLISHED LOCAL      899"
	for line, says := range map[string]string{
		"":                                 "protocol",
		"\n":                               "protocol",
		header:                             "protocol",
		"ICMP" + rest:                      "protocol",
		"TCP C633640 D431 C633640A 01BB":   "client",
		"TCP C633640G D431 C633640A 01BB":  "client",
		"TCP C6336401 D43 C633640A 01BB":   "client",
		"TCP C6336401 D431 C633640A 01BBB": "virtual service",
		"TCP C6336401 D431 C633640A 01BB":  "real server",
		"UDP" + rest:                       "state",
		"TCP C6336401 0000 C633640A 01BB C000020B 1F90 BUG!  LOCAL 899":                              "state",
		"IP  C6336401 D431 00000064 0000 C000020B 0000 NONE LOCAL 899":                               "state",
		"TCP C6336401 D431 C633640A 01BB C000020B 1F90 ASSURED LOCAL 899":                            "state",
		"TCP C6336401 D431 C633640A 01BB C000020B 1F90 ESTABLISHED LOCAL":                            "seconds",
		"TCP C6336401 D431 C633640A 01BB C000020B 1F90 ESTABLISHED LOCAL -1":                         "seconds",
		"TCP C6336401 D431 C633640A 01BB C000020B 1F90 ESTABLISHED MASTER 899":                       "seconds",
		"TCP C6336401 D431 C633640A 01BB C000020B 1F90 CLOSE 184467440737095516160":                  "seconds",
		"TCP C6336401 D431 2001:0db8:000a:0000:0000:0000:0000:0010 01BB C000020B 1F90 CLOSE LOCAL 9": "two families",
		"TCP 2001-0db8:000c:0000:0000:0000:0000:0001 D431 C633640A 01BB C000020B 1F90 CLOSE LOCAL 9": "client",
	} {
		got, err := Parse([]byte(line))
		if err == nil || !strings.Contains(err.Error(), says) || got != (Connection{}) {
			t.Errorf("%q is read as %+v, %v; want an error that says %q", line, got, err, says)
		}
	}
}

func TestTheHeaderIsKnown(t *testing.T) {
	if !Header([]byte(header)) || !Header([]byte(headerConn)) || Header([]byte(lines[0].line)) || Header(nil) {
		t.Error("the header is taken for a connection, or the other way round")
	}
}

func TestReadingAllocatesNothing(t *testing.T) {
	for _, c := range lines {
		line := []byte(c.line)
		if n := testing.AllocsPerRun(100, func() { _, _ = Parse(line) }); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}
