// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

var (
	vip   = netip.MustParseAddr("192.0.2.10")
	pools = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	web   = ipvs.ServiceKey{Address: vip, Port: 8080, Protocol: ipvs.TCP}
)

func realServer(address string, weight uint32) ipvs.Destination {
	return ipvs.Destination{Address: netip.MustParseAddr(address), Port: 8080, Weight: weight, Method: ipvs.DirectRoute}
}

func webTable(scheduler string, realServers ...ipvs.Destination) ipvs.Table {
	return ipvs.Table{{Service: ipvs.Service{Key: web, Scheduler: scheduler}, Destinations: realServers}}
}

func ours(link string) plan.Address {
	return plan.Address{Interface: link, Prefix: netip.PrefixFrom(vip, 32), Ours: true}
}

func foreign(link, prefix string) plan.Address {
	return plan.Address{Interface: link, Prefix: netip.MustParsePrefix(prefix)}
}

// fresh are the settings of a kernel that nobody has touched.
func fresh() map[string]string {
	sysctls := map[string]string{}
	for _, name := range plan.Sysctls() {
		sysctls[name] = "0"
	}
	return sysctls
}

// realServerSysctls are the settings of a working real server.
func realServerSysctls() map[string]string {
	sysctls := fresh()
	for _, link := range []string{"lo", "all"} {
		sysctls["net.ipv4.conf."+link+".arp_ignore"] = "1"
		sysctls["net.ipv4.conf."+link+".arp_announce"] = "2"
	}
	return sysctls
}

// directorSysctls are the settings of a working director.
func directorSysctls() map[string]string {
	sysctls := fresh()
	sysctls["net.ipv4.vs.expire_nodest_conn"] = "1"
	sysctls["net.ipv4.vs.conn_reuse_mode"] = "3"
	return sysctls
}

func found() map[string]string {
	found := fresh()
	delete(found, "net.ipv4.ip_forward")
	delete(found, "net.ipv4.vs.expire_nodest_conn")
	delete(found, "net.ipv4.vs.conn_reuse_mode")
	return found
}

func commands(operations []plan.Operation) string {
	var out strings.Builder
	for _, operation := range operations {
		out.WriteString(operation.String() + "\n")
	}
	return out.String()
}

func TestStories(t *testing.T) {
	two := []ipvs.Destination{realServer("192.0.2.111", 3), realServer("192.0.2.115", 3)}
	held := []plan.InterfaceAddress{{Interface: "eth0", Address: vip}}
	stories := []struct {
		name string
		in   plan.In
		want string
	}{
		{
			name: "an Active director that starts on an untouched node is ready before it takes the virtual IP",
			in: plan.In{
				Services: webTable("wrr", two...), Owned: pools, DirectorAddresses: held,
				Actual: plan.Actual{Sysctls: fresh()},
			},
			want: `sysctl -w net.ipv4.vs.expire_nodest_conn=1
sysctl -w net.ipv4.vs.conn_reuse_mode=3
ipvsadm -A -t 192.0.2.10:8080 -s wrr
ipvsadm -a -t 192.0.2.10:8080 -r 192.0.2.111:8080 -g -w 3
ipvsadm -a -t 192.0.2.10:8080 -r 192.0.2.115:8080 -g -w 3
ip address add 192.0.2.10/32 dev eth0 proto 76 label eth0:lvs
`,
		},
		{
			name: "a director that restarts finds everything in place and does nothing",
			in: plan.In{
				Services: webTable("wrr", two...), Owned: pools, DirectorAddresses: held,
				Actual: plan.Actual{
					IPVS:      webTable("wrr", two...),
					Addresses: []plan.Address{foreign("eth0", "192.0.2.114/24"), ours("eth0")},
					Sysctls:   directorSysctls(),
				},
			},
		},
		{
			name: "a dead real server is deleted, and its service stays",
			in: plan.In{
				Services: webTable("wrr", two[1]), Owned: pools,
				Actual: plan.Actual{IPVS: webTable("wrr", two...)},
			},
			want: "ipvsadm -d -t 192.0.2.10:8080 -r 192.0.2.111:8080\n",
		},
		{
			name: "weight and scheduler change in place",
			in: plan.In{
				Services: webTable("wlc", realServer("192.0.2.111", 1), two[1]), Owned: pools,
				Actual: plan.Actual{IPVS: webTable("wrr", two...)},
			},
			want: `ipvsadm -E -t 192.0.2.10:8080 -s wlc
ipvsadm -e -t 192.0.2.10:8080 -r 192.0.2.111:8080 -g -w 1
`,
		},
		{
			name: "the only real server is replaced without a moment that has none",
			in: plan.In{
				Services: webTable("rr", two[1]), Owned: pools,
				Actual: plan.Actual{IPVS: webTable("rr", two[0])},
			},
			want: `ipvsadm -a -t 192.0.2.10:8080 -r 192.0.2.115:8080 -g -w 3
ipvsadm -d -t 192.0.2.10:8080 -r 192.0.2.111:8080
`,
		},
		{
			name: "options that somebody set by hand are cleared",
			in: plan.In{
				Services: webTable("rr", two[0]), Owned: pools,
				Actual: plan.Actual{IPVS: ipvs.Table{{
					Service:      ipvs.Service{Key: web, Scheduler: "rr", Flags: ipvs.OnePacket},
					Destinations: []ipvs.Destination{{Address: two[0].Address, Port: 8080, Weight: 3, Method: ipvs.DirectRoute, UpperThreshold: 10}},
				}}},
			},
			want: `ipvsadm -E -t 192.0.2.10:8080 -s rr
ipvsadm -e -t 192.0.2.10:8080 -r 192.0.2.111:8080 -g -w 3
`,
		},
		{
			name: "a withdrawn service goes, a foreign one outside the pools stays",
			in: plan.In{
				Owned: pools,
				Actual: plan.Actual{IPVS: append(webTable("rr", two[0]), ipvs.Entry{Service: ipvs.Service{
					Key: ipvs.ServiceKey{Address: netip.MustParseAddr("198.51.100.1"), Port: 80, Protocol: ipvs.TCP}, Scheduler: "rr",
				}})},
			},
			want: "ipvsadm -D -t 192.0.2.10:8080\n",
		},
		{
			name: "a director that becomes Backup lets go of the virtual IP before all else",
			in: plan.In{
				Services: webTable("wrr", two...), Owned: pools,
				Actual: plan.Actual{Addresses: []plan.Address{ours("eth0")}},
			},
			want: `ip address del 192.0.2.10/32 dev eth0
ipvsadm -A -t 192.0.2.10:8080 -s wrr
ipvsadm -a -t 192.0.2.10:8080 -r 192.0.2.111:8080 -g -w 3
ipvsadm -a -t 192.0.2.10:8080 -r 192.0.2.115:8080 -g -w 3
`,
		},
		{
			name: "a virtual IP left on the interface of a former group is let go",
			in: plan.In{
				DirectorAddresses: []plan.InterfaceAddress{{Interface: "eth1", Address: vip}},
				Actual:            plan.Actual{Addresses: []plan.Address{ours("eth0")}},
			},
			want: `ip address del 192.0.2.10/32 dev eth0
ip address add 192.0.2.10/32 dev eth1 proto 76 label eth1:lvs
`,
		},
		{
			name: "an address that the administrator set serves as virtual IP, and is never deleted",
			in: plan.In{
				DirectorAddresses: held,
				Actual:            plan.Actual{Addresses: []plan.Address{foreign("eth0", "192.0.2.10/24"), foreign("eth0", "192.0.2.9/24")}},
			},
		},
		{
			name: "the label is left out where the interface's name leaves it no room",
			in: plan.In{DirectorAddresses: []plan.InterfaceAddress{
				{Interface: "enx0242ac11", Address: vip}, {Interface: "enx0242ac110", Address: vip},
			}},
			want: `ip address add 192.0.2.10/32 dev enx0242ac11 proto 76 label enx0242ac11:lvs
ip address add 192.0.2.10/32 dev enx0242ac110 proto 76
`,
		},
		{
			name: "a service that moves to another port is there before it has left the old one",
			in: plan.In{
				Services: ipvs.Table{{Service: ipvs.Service{
					Key: ipvs.ServiceKey{Address: vip, Port: 9090, Protocol: ipvs.TCP}, Scheduler: "rr",
				}}},
				Owned:  pools,
				Actual: plan.Actual{IPVS: webTable("rr", two[0])},
			},
			want: `ipvsadm -A -t 192.0.2.10:9090 -s rr
ipvsadm -D -t 192.0.2.10:8080
`,
		},
		{
			name: "a director for LVS/NAT forwards before it serves",
			in: plan.In{
				Services: webTable("rr"), Owned: pools, Forwarding: true,
				Actual: plan.Actual{Sysctls: fresh()},
			},
			want: `sysctl -w net.ipv4.ip_forward=1
sysctl -w net.ipv4.vs.expire_nodest_conn=1
sysctl -w net.ipv4.vs.conn_reuse_mode=3
ipvsadm -A -t 192.0.2.10:8080 -s rr
`,
		},
		{
			name: "a real server is silent on ARP before it has the virtual IP",
			in:   plan.In{RealServerAddresses: []netip.Addr{vip}, Actual: plan.Actual{Sysctls: fresh()}},
			want: `sysctl -w net.ipv4.conf.lo.arp_ignore=1
sysctl -w net.ipv4.conf.lo.arp_announce=2
sysctl -w net.ipv4.conf.all.arp_ignore=1
sysctl -w net.ipv4.conf.all.arp_announce=2
ip address add 192.0.2.10/32 dev lo proto 76 label lo:lvs
`,
		},
		{
			name: "a released real server loses the virtual IP first, and then gets its settings back as found",
			in: plan.In{
				Found: found(),
				Actual: plan.Actual{
					Addresses: []plan.Address{foreign("lo", "127.0.0.1/8"), ours("lo")},
					Sysctls:   realServerSysctls(),
				},
			},
			want: `ip address del 192.0.2.10/32 dev lo
sysctl -w net.ipv4.conf.all.arp_announce=0
sysctl -w net.ipv4.conf.all.arp_ignore=0
sysctl -w net.ipv4.conf.lo.arp_announce=0
sysctl -w net.ipv4.conf.lo.arp_ignore=0
`,
		},
		{
			name: "a setting that had its value before us is left alone on release",
			in:   plan.In{Actual: plan.Actual{Sysctls: realServerSysctls()}},
		},
	}
	for _, story := range stories {
		t.Run(story.name, func(t *testing.T) {
			if diff := cmp.Diff(story.want, commands(plan.Plan(story.in))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFoundValuesAreToldBeforeTheFirstWriteAndForgottenAfterTheRestore(t *testing.T) {
	taking := plan.In{RealServerAddresses: []netip.Addr{vip}, Actual: plan.Actual{Sysctls: fresh()}}
	taking.Actual.Sysctls["net.ipv4.conf.all.arp_ignore"] = "2"
	taking.Actual.Sysctls["net.ipv4.conf.lo.arp_ignore"] = "1" // already right: not ours to restore
	first := plan.NewlyFound(taking, plan.Plan(taking))
	want := map[string]string{
		"net.ipv4.conf.all.arp_ignore":   "2",
		"net.ipv4.conf.all.arp_announce": "0",
		"net.ipv4.conf.lo.arp_announce":  "0",
	}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Fatal(diff)
	}

	// Somebody resets one of them while we hold it: it is put back, and what was found at first stays what is restored.
	holding := taking
	holding.Found = first
	holding.Actual.Sysctls = realServerSysctls()
	holding.Actual.Sysctls["net.ipv4.conf.all.arp_ignore"] = "0"
	if again := plan.NewlyFound(holding, plan.Plan(holding)); again != nil {
		t.Errorf("found again: %v", again)
	}
	if early := plan.Restored(holding); early != nil {
		t.Errorf("forgotten while still needed: %v", early)
	}

	releasing := plan.In{Found: first, Actual: plan.Actual{Sysctls: realServerSysctls()}}
	if early := plan.Restored(releasing); early != nil {
		t.Errorf("forgotten before it was restored: %v", early)
	}
	releasing.Actual.Sysctls["net.ipv4.conf.all.arp_ignore"] = "2"
	releasing.Actual.Sysctls["net.ipv4.conf.all.arp_announce"] = "0"
	releasing.Actual.Sysctls["net.ipv4.conf.lo.arp_announce"] = "0"
	wantRestored := []string{"net.ipv4.conf.all.arp_announce", "net.ipv4.conf.all.arp_ignore", "net.ipv4.conf.lo.arp_announce"}
	if diff := cmp.Diff(wantRestored, plan.Restored(releasing)); diff != "" {
		t.Error(diff)
	}
	if operations := plan.Plan(releasing); operations != nil {
		t.Errorf("restored, and still to do: %s", commands(operations))
	}
}
