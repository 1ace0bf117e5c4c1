// SPDX-License-Identifier: Apache-2.0

package ipvs_test

import (
	"encoding/json"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

func destination(address string, port uint16, method ipvs.Method, weight uint32) ipvs.Destination {
	return ipvs.Destination{Address: netip.MustParseAddr(address), Port: port, Method: method, Weight: weight}
}

func service(address string, port uint16, protocol ipvs.Protocol, scheduler string, persistence uint32) ipvs.Service {
	return ipvs.Service{
		Key:                ipvs.ServiceKey{Address: netip.MustParseAddr(address), Port: port, Protocol: protocol},
		Scheduler:          scheduler,
		PersistenceTimeout: persistence,
	}
}

// shop is a small site's director: a web shop, its name server, and a signalling service that nobody serves yet.
func shop() ipvs.Table {
	return ipvs.Table{
		{Service: service("192.0.2.10", 443, ipvs.TCP, "wrr", 0), Destinations: []ipvs.Destination{
			destination("192.0.2.11", 443, ipvs.DirectRoute, 3),
			destination("192.0.2.12", 443, ipvs.DirectRoute, 0),
		}},
		{Service: service("192.0.2.10", 8080, ipvs.TCP, "wlc", 300), Destinations: []ipvs.Destination{
			destination("198.51.100.9", 80, ipvs.Masquerade, 1),
		}},
		{Service: service("192.0.2.9", 53, ipvs.UDP, "sh", 0), Destinations: []ipvs.Destination{
			destination("198.51.100.9", 53, ipvs.Tunnelling, 65535),
		}},
		{Service: service("192.0.2.10", 3868, ipvs.SCTP, "rr", 0)},
	}
}

// shopSaved is what `ipvsadm -S -n` (1.31) prints of shop.
const shopSaved = `-A -t 192.0.2.10:443 -s wrr
-a -t 192.0.2.10:443 -r 192.0.2.11:443 -g -w 3
-a -t 192.0.2.10:443 -r 192.0.2.12:443 -g -w 0
-A -t 192.0.2.10:8080 -s wlc -p 300
-a -t 192.0.2.10:8080 -r 198.51.100.9:80 -m -w 1
-A -u 192.0.2.9:53 -s sh
-a -u 192.0.2.9:53 -r 198.51.100.9:53 -i -w 65535 --tun-type ipip
-A --sctp-service 192.0.2.10:3868 -s rr
`

func TestTablePrintsAsIpvsadmSaves(t *testing.T) {
	if diff := cmp.Diff(shopSaved, shop().String()); diff != "" {
		t.Error(diff)
	}
}

func TestSortMakesTheOrderOfHistoryInvisible(t *testing.T) {
	table := shop()
	slices.Reverse(table)
	for _, entry := range table {
		slices.Reverse(entry.Destinations)
	}
	if table.Equal(shop()) {
		t.Fatal("a reversed table is equal to the sorted one before Sort")
	}
	table.Sort()
	if !table.Equal(shop()) {
		t.Errorf("after Sort:\n%s", cmp.Diff(shopSaved, table.String()))
	}
}

func TestEqualSeesEveryValue(t *testing.T) {
	changes := map[string]func(ipvs.Table){
		"scheduler":        func(t ipvs.Table) { t[0].Service.Scheduler = "rr" },
		"persistence":      func(t ipvs.Table) { t[1].Service.PersistenceTimeout = 0 },
		"weight":           func(t ipvs.Table) { t[0].Destinations[1].Weight = 1 },
		"method":           func(t ipvs.Table) { t[2].Destinations[0].Method = ipvs.DirectRoute },
		"address":          func(t ipvs.Table) { t[0].Destinations[0].Address = netip.MustParseAddr("192.0.2.13") },
		"destination lost": func(t ipvs.Table) { t[0].Destinations = t[0].Destinations[:1] },
		"flags":            func(t ipvs.Table) { t[0].Service.Flags = ipvs.OnePacket },
		"netmask":          func(t ipvs.Table) { t[1].Service.PersistencePrefix = 24 },
		"engine":           func(t ipvs.Table) { t[1].Service.PersistenceEngine = "sip" },
		"threshold":        func(t ipvs.Table) { t[0].Destinations[0].UpperThreshold = 1 },
		"tunnel":           func(t ipvs.Table) { t[2].Destinations[0].Tunnel.Type = ipvs.GRE },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			table := shop()
			change(table)
			if table.Equal(shop()) {
				t.Error("the change went unseen")
			}
		})
	}
}

func TestTableSurvivesJSON(t *testing.T) { survivesJSON(t, shop()) }

func survivesJSON(t *testing.T, table ipvs.Table) {
	t.Helper()
	text, err := json.Marshal(table)
	if err != nil {
		t.Fatal(err)
	}
	var back ipvs.Table
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(table, back, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Error(diff)
	}
}

func TestUnknownProtocolsAndMethodsAreNotWritten(t *testing.T) {
	if text, err := json.Marshal(ipvs.Protocol(47)); err == nil {
		t.Errorf("protocol 47 was written as %s", text)
	}
	if text, err := json.Marshal(ipvs.Method(1)); err == nil {
		t.Errorf("method 1 was written as %s", text)
	}
	if p, err := ipvs.ParseProtocol("tcp"); err == nil {
		t.Errorf("protocol tcp was read as %s", p)
	}
}
