// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/mark"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

var (
	vip  = netip.MustParseAddr("192.0.2.10")
	vip6 = netip.MustParseAddr("2001:db8::10")
)

func ours(link string, address netip.Addr) plan.Address {
	return plan.Address{Interface: link, Prefix: netip.PrefixFrom(address, address.BitLen()), Ours: true}
}

func foreign(link, prefix string) plan.Address {
	return plan.Address{Interface: link, Prefix: netip.MustParsePrefix(prefix)}
}

// fresh are the sysctls of the names in a kernel that nobody has touched.
func fresh(names ...string) map[string]string {
	sysctls := map[string]string{}
	for _, name := range names {
		sysctls[name] = "0"
	}
	return sysctls
}

// arp are the settings that a real server needs.
var arp = []string{
	"net.ipv4.conf.all.arp_announce", "net.ipv4.conf.all.arp_ignore",
	"net.ipv4.conf.lo.arp_announce", "net.ipv4.conf.lo.arp_ignore",
}

// silent are the settings of a working real server.
func silent() map[string]string {
	sysctls := map[string]string{}
	for _, link := range []string{"lo", "all"} {
		sysctls["net.ipv4.conf."+link+".arp_ignore"] = "1"
		sysctls["net.ipv4.conf."+link+".arp_announce"] = "2"
	}
	return sysctls
}

// edgeSettings are what a director group asks for.
var edgeSettings = []plan.Setting{
	{Name: "net.ipv4.vs.expire_nodest_conn", Value: "1"},
	{Name: "net.ipv4.vs.conn_reuse_mode", Value: "2"},
}

// cache is the rule of a transparent cache cluster: the web traffic of everybody, whatever server it goes to.
func cache(value uint32, family ipvs.Family) mark.Rule {
	return mark.Rule{
		Mark: value, Family: family, Destinations: []netip.Prefix{netip.PrefixFrom(family.Unspecified(), 0)},
		Protocol: ipvs.TCP, Ports: []mark.PortRange{{First: 80, Last: 80}},
	}
}

func commands(operations []plan.Operation) string {
	var out strings.Builder
	for _, operation := range operations {
		out.WriteString(operation.String() + "\n")
	}
	return out.String()
}

// between stands in a golden for the operations of the services.
const between = "(services)\n"

func TestNodeStories(t *testing.T) {
	held := []plan.InterfaceAddress{{Interface: "eth0", Address: vip}}
	director := fresh("net.ipv4.vs.expire_nodest_conn", "net.ipv4.vs.conn_reuse_mode")
	stories := []struct {
		name string
		in   plan.In
		want string
	}{
		{
			name: "an Active director that starts on an untouched node is ready before it takes the virtual IP",
			in:   plan.In{Settings: edgeSettings, DirectorAddresses: held, Actual: plan.Actual{Sysctls: director}},
			want: `sysctl -w net.ipv4.vs.expire_nodest_conn=1
sysctl -w net.ipv4.vs.conn_reuse_mode=2
(services)
ip address add 192.0.2.10/32 dev eth0 proto 76 label eth0:lvs
`,
		},
		{
			name: "a director that restarts finds everything in place and does nothing",
			in: plan.In{
				Settings: edgeSettings, DirectorAddresses: held,
				Marks: []mark.Rule{cache(100, ipvs.IPv4)},
				Actual: plan.Actual{
					Addresses: []plan.Address{foreign("eth0", "192.0.2.114/24"), ours("eth0", vip)},
					Sysctls:   map[string]string{"net.ipv4.vs.expire_nodest_conn": "1", "net.ipv4.vs.conn_reuse_mode": "2"},
					Marks:     []mark.Rule{cache(100, ipvs.IPv4)},
					Routes:    []ipvs.Family{ipvs.IPv4}, Rules: []plan.PolicyRule{{Mark: 100, Family: ipvs.IPv4}},
				},
			},
			want: between,
		},
		{
			name: "a director that becomes Backup lets go of the virtual IPs before all else",
			in: plan.In{
				Forwarding: []ipvs.Family{ipvs.IPv4},
				Actual: plan.Actual{
					Addresses: []plan.Address{ours("eth0", vip6), ours("eth0", vip)}, Sysctls: fresh("net.ipv4.ip_forward"),
				},
			},
			want: `ip address del 192.0.2.10/32 dev eth0
ip address del 2001:db8::10/128 dev eth0
sysctl -w net.ipv4.ip_forward=1
(services)
`,
		},
		{
			name: "a virtual IP left on the interface of a former group is let go before it comes elsewhere",
			in: plan.In{
				DirectorAddresses: []plan.InterfaceAddress{{Interface: "eth1", Address: vip}},
				Actual:            plan.Actual{Addresses: []plan.Address{ours("eth0", vip)}},
			},
			want: `ip address del 192.0.2.10/32 dev eth0
(services)
ip address add 192.0.2.10/32 dev eth1 proto 76 label eth1:lvs
`,
		},
		{
			name: "an address that the administrator set serves as virtual IP, and is never deleted",
			in: plan.In{
				DirectorAddresses: held,
				Actual:            plan.Actual{Addresses: []plan.Address{foreign("eth0", "192.0.2.10/24"), foreign("eth0", "192.0.2.9/24")}},
			},
			want: between,
		},
		{
			name: "the label is left out where the interface's name leaves it no room",
			in: plan.In{DirectorAddresses: []plan.InterfaceAddress{
				{Interface: "enx0242ac11", Address: vip}, {Interface: "enx0242ac110", Address: vip},
			}},
			want: `(services)
ip address add 192.0.2.10/32 dev enx0242ac11 proto 76 label enx0242ac11:lvs
ip address add 192.0.2.10/32 dev enx0242ac110 proto 76
`,
		},
		{
			name: "a director for LVS/NAT of both families forwards before it serves",
			in: plan.In{
				Forwarding: []ipvs.Family{ipvs.IPv4, ipvs.IPv6}, Settings: edgeSettings[:1],
				Actual: plan.Actual{Sysctls: fresh("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding", "net.ipv4.vs.expire_nodest_conn")},
			},
			want: `sysctl -w net.ipv4.ip_forward=1
sysctl -w net.ipv6.conf.all.forwarding=1
sysctl -w net.ipv4.vs.expire_nodest_conn=1
(services)
`,
		},
		{
			name: "a setting that this kernel does not have is not written",
			in:   plan.In{Settings: edgeSettings, Actual: plan.Actual{Sysctls: fresh("net.ipv4.vs.expire_nodest_conn")}},
			want: "sysctl -w net.ipv4.vs.expire_nodest_conn=1\n" + between,
		},
		{
			name: "time-outs that differ are set in one command, the others stay",
			in: plan.In{
				Settings: []plan.Setting{
					{Name: plan.TimeoutTCP, Value: "3600"}, {Name: plan.TimeoutTCPFin, Value: "120"}, {Name: plan.TimeoutUDP, Value: "60"},
				},
				Actual: plan.Actual{Timeouts: ipvs.Timeouts{TCP: 900, TCPFin: 120, UDP: 300}},
			},
			want: "ipvsadm --set 3600 0 60\n" + between,
		},
		{
			name: "time-outs wait until the kernel has IPVS",
			in:   plan.In{Settings: []plan.Setting{{Name: plan.TimeoutTCP, Value: "3600"}}},
			want: between,
		},
		{
			name: "time-outs of a group that asks no more get back what was found",
			in: plan.In{
				Found:  map[string]string{plan.TimeoutTCP: "900", plan.TimeoutUDP: "300"},
				Actual: plan.Actual{Timeouts: ipvs.Timeouts{TCP: 3600, TCPFin: 120, UDP: 300}},
			},
			want: between + "ipvsadm --set 900 0 0\n",
		},
		{
			name: "packets are marked when their way to IPVS is there, and the virtual IP comes last",
			in: plan.In{
				DirectorAddresses: held,
				Marks:             []mark.Rule{cache(100, ipvs.IPv4), cache(101, ipvs.IPv4), cache(100, ipvs.IPv6)},
			},
			want: `ip route add local 0.0.0.0/0 dev lo table 7676 proto 76
ip route add local ::/0 dev lo table 7676 proto 76
ip rule add from 0.0.0.0/0 fwmark 100 lookup 7676 priority 7676 protocol 76
ip rule add from 0.0.0.0/0 fwmark 101 lookup 7676 priority 7676 protocol 76
ip rule add from ::/0 fwmark 100 lookup 7676 priority 7676 protocol 76
nft: 3 rules in our table
(services)
ip address add 192.0.2.10/32 dev eth0 proto 76 label eth0:lvs
`,
		},
		{
			name: "packets are no longer marked before their way to IPVS goes",
			in: plan.In{
				Marks: []mark.Rule{cache(100, ipvs.IPv4)},
				Actual: plan.Actual{
					Marks:  []mark.Rule{cache(100, ipvs.IPv4), cache(100, ipvs.IPv6)},
					Routes: []ipvs.Family{ipvs.IPv4, ipvs.IPv6},
					Rules:  []plan.PolicyRule{{Mark: 100, Family: ipvs.IPv4}, {Mark: 100, Family: ipvs.IPv6}},
				},
			},
			want: `nft: 1 rules in our table
ip rule del from ::/0 fwmark 100 lookup 7676 priority 7676 protocol 76
ip route del local ::/0 dev lo table 7676 proto 76
(services)
`,
		},
		{
			name: "a table of ours that somebody has changed is written again",
			in: plan.In{
				Marks: []mark.Rule{cache(100, ipvs.IPv4)},
				Actual: plan.Actual{
					Marks: []mark.Rule{cache(100, ipvs.IPv4)}, MarksTampered: true,
					Routes: []ipvs.Family{ipvs.IPv4}, Rules: []plan.PolicyRule{{Mark: 100, Family: ipvs.IPv4}},
				},
			},
			want: "nft: 1 rules in our table\n" + between,
		},
		{
			name: "a real server is silent on ARP before it has the virtual IP",
			in:   plan.In{RealServerAddresses: []netip.Addr{vip}, Actual: plan.Actual{Sysctls: fresh(arp...)}},
			want: `sysctl -w net.ipv4.conf.lo.arp_ignore=1
sysctl -w net.ipv4.conf.lo.arp_announce=2
sysctl -w net.ipv4.conf.all.arp_ignore=1
sysctl -w net.ipv4.conf.all.arp_announce=2
ip address add 192.0.2.10/32 dev lo proto 76 label lo:lvs
(services)
`,
		},
		{
			name: "a released real server loses the virtual IP first, and then gets its settings back as found",
			in: plan.In{
				Found:  fresh(arp...),
				Actual: plan.Actual{Addresses: []plan.Address{foreign("lo", "127.0.0.1/8"), ours("lo", vip)}, Sysctls: silent()},
			},
			want: `(services)
ip address del 192.0.2.10/32 dev lo
sysctl -w net.ipv4.conf.all.arp_announce=0
sysctl -w net.ipv4.conf.all.arp_ignore=0
sysctl -w net.ipv4.conf.lo.arp_announce=0
sysctl -w net.ipv4.conf.lo.arp_ignore=0
`,
		},
		{
			name: "a setting that had its value before us is left alone on release",
			in:   plan.In{Actual: plan.Actual{Sysctls: silent()}},
			want: between,
		},
	}
	for _, story := range stories {
		t.Run(story.name, func(t *testing.T) {
			steps := plan.Plan(story.in)
			if diff := cmp.Diff(story.want, commands(steps.Before)+between+commands(steps.After)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPlanAsksForEverySysctlThatItCanWriteAndForNoTimeout(t *testing.T) {
	in := plan.In{
		Forwarding: []ipvs.Family{ipvs.IPv6}, RealServerAddresses: []netip.Addr{vip},
		Settings: append([]plan.Setting{{Name: plan.TimeoutTCP, Value: "60"}}, edgeSettings...),
		Found:    map[string]string{"net.ipv4.ip_forward": "0", plan.TimeoutUDP: "300"},
	}
	want := append(append([]string{}, arp...), "net.ipv4.ip_forward",
		"net.ipv4.vs.conn_reuse_mode", "net.ipv4.vs.expire_nodest_conn", "net.ipv6.conf.all.forwarding")
	if diff := cmp.Diff(want, in.Sysctls()); diff != "" {
		t.Error(diff)
	}
}

func TestFoundValuesAreToldBeforeTheFirstWriteAndForgottenAfterTheRestore(t *testing.T) {
	taking := plan.In{
		RealServerAddresses: []netip.Addr{vip}, Settings: []plan.Setting{{Name: plan.TimeoutTCP, Value: "3600"}},
		Actual: plan.Actual{Sysctls: fresh(arp...), Timeouts: ipvs.Timeouts{TCP: 900, TCPFin: 120, UDP: 300}},
	}
	taking.Actual.Sysctls["net.ipv4.conf.all.arp_ignore"] = "2"
	taking.Actual.Sysctls["net.ipv4.conf.lo.arp_ignore"] = "1" // already right: not ours to restore
	first := plan.NewlyFound(taking, plan.Plan(taking).All())
	want := map[string]string{
		"net.ipv4.conf.all.arp_ignore":   "2",
		"net.ipv4.conf.all.arp_announce": "0",
		"net.ipv4.conf.lo.arp_announce":  "0",
		plan.TimeoutTCP:                  "900",
	}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Fatal(diff)
	}

	// Somebody resets one of them while we hold it: it is put back, and what was found at first stays what is restored.
	holding := taking
	holding.Found = first
	holding.Actual.Sysctls, holding.Actual.Timeouts.TCP = silent(), 60
	holding.Actual.Sysctls["net.ipv4.conf.all.arp_ignore"] = "0"
	if again := plan.NewlyFound(holding, plan.Plan(holding).All()); again != nil {
		t.Errorf("found again: %v", again)
	}
	if early := plan.Restored(holding); early != nil {
		t.Errorf("forgotten while still needed: %v", early)
	}

	releasing := plan.In{Found: first, Actual: plan.Actual{Sysctls: silent(), Timeouts: ipvs.Timeouts{TCP: 3600, TCPFin: 120, UDP: 300}}}
	if early := plan.Restored(releasing); early != nil {
		t.Errorf("forgotten before it was restored: %v", early)
	}
	releasing.Actual.Sysctls["net.ipv4.conf.all.arp_ignore"] = "2"
	releasing.Actual.Sysctls["net.ipv4.conf.all.arp_announce"] = "0"
	releasing.Actual.Sysctls["net.ipv4.conf.lo.arp_announce"] = "0"
	releasing.Actual.Timeouts.TCP = 900
	wantRestored := []string{
		plan.TimeoutTCP,
		"net.ipv4.conf.all.arp_announce", "net.ipv4.conf.all.arp_ignore", "net.ipv4.conf.lo.arp_announce",
	}
	if diff := cmp.Diff(wantRestored, plan.Restored(releasing)); diff != "" {
		t.Error(diff)
	}
	if operations := plan.Plan(releasing).All(); operations != nil {
		t.Errorf("restored, and still to do: %s", commands(operations))
	}
}
