// SPDX-License-Identifier: Apache-2.0

package ipvs_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// everyOption is a table in which each option of ipvsadm occurs, in ipvsadm's order.
func everyOption() ipvs.Table {
	sip := service("192.0.2.10", 5060, ipvs.UDP, "rr", 300)
	sip.PersistencePrefix, sip.PersistenceEngine, sip.Flags = 24, "sip", ipvs.OnePacket
	hashed := service("2001:db8::10", 443, ipvs.TCP, "mh", 60)
	hashed.PersistencePrefix, hashed.Flags = 64, ipvs.Fallback|ipvs.HashPort
	tunnel := func(address string, tunnel ipvs.Tunnel) ipvs.Destination {
		d := destination(address, 443, ipvs.Tunnelling, 1)
		d.Tunnel = tunnel
		return d
	}
	limited := destination("192.0.2.11", 0, ipvs.DirectRoute, 1)
	limited.UpperThreshold, limited.LowerThreshold = 200, 150
	return ipvs.Table{
		{Service: sip},
		{Service: hashed, Destinations: []ipvs.Destination{
			tunnel("192.0.2.12", ipvs.Tunnel{Type: ipvs.GUE, Port: 6080}),
			tunnel("192.0.2.13", ipvs.Tunnel{Type: ipvs.GUE, Port: 6080, Flags: ipvs.TunnelRemoteChecksum}),
			tunnel("2001:db8::12", ipvs.Tunnel{Type: ipvs.GRE}),
			tunnel("2001:db8::13", ipvs.Tunnel{Type: ipvs.GRE, Flags: ipvs.TunnelChecksum}),
			tunnel("2001:db8::14", ipvs.Tunnel{}),
		}},
		{
			Service:      ipvs.Service{Key: ipvs.MarkKey(7, ipvs.IPv4), Scheduler: "sh", Flags: ipvs.HashPort},
			Destinations: []ipvs.Destination{limited},
		},
		{Service: ipvs.Service{Key: ipvs.MarkKey(7, ipvs.IPv6), Scheduler: "wlc", Flags: ipvs.Fallback | ipvs.Scheduler3}},
		{Service: ipvs.Service{Key: ipvs.MarkKey(1<<32-1, ipvs.IPv4), Scheduler: "fo"}},
	}
}

func TestEveryOptionIsPrinted(t *testing.T) {
	const want = `-A -u 192.0.2.10:5060 -s rr -p 300 -M 255.255.255.0 --pe sip -o
-A -t [2001:db8::10]:443 -s mh -p 60 -M 64 -b mh-fallback,mh-port
-a -t [2001:db8::10]:443 -r 192.0.2.12:443 -i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum
-a -t [2001:db8::10]:443 -r 192.0.2.13:443 -i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum
-a -t [2001:db8::10]:443 -r [2001:db8::12]:443 -i -w 1 --tun-type gre --tun-nocsum
-a -t [2001:db8::10]:443 -r [2001:db8::13]:443 -i -w 1 --tun-type gre --tun-csum
-a -t [2001:db8::10]:443 -r [2001:db8::14]:443 -i -w 1 --tun-type ipip
-A -f 7 -s sh -b sh-port
-a -f 7 -r 192.0.2.11:0 -g -w 1 -x 200 -y 150
-A -f 7 -6 -s wlc -b flag-1,flag-3
-A -f 4294967295 -s fo
`
	if diff := cmp.Diff(want, everyOption().String()); diff != "" {
		t.Error(diff)
	}
}

func TestKeysHaveOneOrder(t *testing.T) {
	var keys []ipvs.ServiceKey
	for _, entry := range slices.Concat(shop(), everyOption()) {
		keys = append(keys, entry.Service.Key)
	}
	for _, a := range keys {
		for _, b := range keys {
			if (a.Compare(b) == 0) != (a == b) || a.Compare(b) != -b.Compare(a) {
				t.Errorf("%s and %s: %d, and %d the other way round", a, b, a.Compare(b), b.Compare(a))
			}
		}
	}
	sorted := everyOption()
	sorted.Sort()
	if !sorted.Equal(everyOption()) {
		t.Errorf("sorted:\n%s", sorted)
	}
}

func TestKeysAreWrittenAsMessagesSayThem(t *testing.T) {
	for want, key := range map[string]ipvs.ServiceKey{
		"192.0.2.10:443/TCP":      {Address: netip.MustParseAddr("192.0.2.10"), Port: 443, Protocol: ipvs.TCP},
		"[2001:db8::10]:53/UDP":   {Address: netip.MustParseAddr("2001:db8::10"), Port: 53, Protocol: ipvs.UDP},
		"mark 7/IPv4":             ipvs.MarkKey(7, ipvs.IPv4),
		"mark 4294967295/IPv6":    ipvs.MarkKey(1<<32-1, ipvs.IPv6),
		"192.0.2.10:0/protocol 1": {Address: netip.MustParseAddr("192.0.2.10"), Protocol: 1},
	} {
		if got := key.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestANetmaskThatIsNoPrefixIsNotOneOfOurs(t *testing.T) {
	s := service("192.0.2.10", 80, ipvs.TCP, "rr", 300)
	for prefix, want := range map[uint8]string{
		0: "-t 192.0.2.10:80 -s rr -p 300", 1: "-t 192.0.2.10:80 -s rr -p 300 -M 128.0.0.0",
		31: "-t 192.0.2.10:80 -s rr -p 300 -M 255.255.255.254", ipvs.NoPrefix: "-t 192.0.2.10:80 -s rr -p 300 -M (no prefix)",
	} {
		if s.PersistencePrefix = prefix; s.String() != want {
			t.Errorf("%s, want %s", s, want)
		}
	}
}

func TestATableWithEveryOptionSurvivesJSON(t *testing.T) { survivesJSON(t, everyOption()) }
