// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/agent/kernel/kerneltest"
	"github.com/lvs-operator/lvs-operator/agent/mark"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/realserver"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

const worlds = 2000

// The worlds are small, so that what is wanted and what is there overlap often.
func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// some is each of the list with the probability one half, in the list's order.
func some[T any](r *rand.Rand, list ...T) []T {
	return slices.DeleteFunc(slices.Clone(list), func(T) bool { return r.IntN(2) == 0 })
}

func shuffle[T any](r *rand.Rand, list []T) {
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}

func randomVIP(r *rand.Rand) netip.Addr {
	return netip.MustParseAddr(pick(r, "192.0.2.10", "192.0.2.11", "192.0.2.12", "2001:db8::10", "2001:db8::11"))
}

var (
	families = []ipvs.Family{ipvs.IPv4, ipvs.IPv6}
	timeouts = []string{plan.TimeoutTCP, plan.TimeoutTCPFin, plan.TimeoutUDP}
	sysctls  = append([]string{
		"net.ipv4.ip_forward", "net.ipv4.vs.conn_reuse_mode", "net.ipv4.vs.expire_nodest_conn", "net.ipv6.conf.all.forwarding",
		"net.ipv4.conf.eth0.arp_ignore", "net.ipv4.conf.eth0.arp_announce",
	}, arp...)
	// links are of two virtual routers on eth0.
	links = []plan.Link{link, {Name: plan.LinkName("eth0", 66, true), Parent: "eth0", MAC: vrrp.VirtualMAC(vip6, 66)}}
)

// randomLink is in a kernel: as it should be, another than it should be, or somebody else's.
func randomLink(r *rand.Rand, of plan.Link) plan.ActualLink {
	actual := plan.ActualLink{Link: of, Up: pick(r, true, false), Bridge: pick(r, true, true, true, false), Ours: pick(r, true, true, true, false)}
	actual.MAC[5] += pick[byte](r, 0, 0, 0, 1)
	if !actual.Ours {
		return plan.ActualLink{Link: plan.Link{Name: of.Name}}
	}
	return actual
}

// randomClosed are sorted addresses of randomVIP.
func randomClosed(r *rand.Rand) []netip.Addr {
	return some(r, netip.MustParseAddr("192.0.2.10"), netip.MustParseAddr("192.0.2.11"), netip.MustParseAddr("2001:db8::10"))
}

// randomMarks are sorted rules, some of them with a policy route.
func randomMarks(r *rand.Rand) []mark.Rule {
	host := cache(102, ipvs.IPv4)
	host.Destinations = []netip.Prefix{netip.MustParsePrefix("192.0.2.10/32")}
	rules := some(r, cache(100, ipvs.IPv4), cache(101, ipvs.IPv4), cache(100, ipvs.IPv6), host)
	slices.SortFunc(rules, mark.Rule.Compare)
	return rules
}

func randomActual(r *rand.Rand) plan.Actual {
	actual := plan.Actual{
		Sysctls: map[string]string{}, Closed: randomClosed(r), Marks: randomMarks(r), Routes: some(r, families...),
		Rules:    some(r, plan.PolicyRule{Mark: 100, Family: ipvs.IPv4}, plan.PolicyRule{Mark: 100, Family: ipvs.IPv6}, plan.PolicyRule{Mark: 105, Family: ipvs.IPv4}),
		Timeouts: ipvs.Timeouts{TCP: pick[uint32](r, 60, 900), TCPFin: pick[uint32](r, 60, 120), UDP: pick[uint32](r, 60, 300)},
	}
	interfaces := []string{"lo", "eth0", "eth1"}
	for _, of := range some(r, links...) {
		actual.Links = append(actual.Links, randomLink(r, of))
		interfaces = append(interfaces, of.Name)
	}
	seen := map[string]bool{}
	for range r.IntN(8) {
		at := randomVIP(r)
		address := plan.Address{
			Interface: pick(r, interfaces...), Ours: pick(r, true, false),
			Prefix: netip.PrefixFrom(at, at.BitLen()-pick(r, 0, 0, 8)),
		}
		if of := slices.IndexFunc(actual.Links, func(l plan.ActualLink) bool { return l.Name == address.Interface }); of >= 0 {
			address.Ours = actual.Links[of].Ours
		}
		if id := address.Interface + address.Prefix.String(); !seen[id] {
			seen[id] = true
			actual.Addresses = append(actual.Addresses, address)
		}
	}
	for _, name := range some(r, slices.Concat(sysctls, sysctls)...) { // a quarter is missing
		actual.Sysctls[name] = pick(r, "0", "1", "2")
	}
	return actual
}

func randomIn(r *rand.Rand) plan.In {
	in := plan.In{
		Links: some(r, links...), Forwarding: some(r, families...), Closed: randomClosed(r), Marks: randomMarks(r), Actual: randomActual(r), Found: map[string]string{},
	}
	for _, name := range some(r, "net.ipv4.vs.expire_nodest_conn", "net.ipv4.vs.conn_reuse_mode") {
		in.Settings = append(in.Settings, plan.Setting{Name: name, Value: pick(r, "0", "1", "2")})
	}
	for _, name := range some(r, timeouts...) {
		in.Settings = append(in.Settings, plan.Setting{Name: name, Value: pick(r, "60", "120", "900")})
	}
	interfaces := []string{"eth0", "eth1"}
	for _, of := range in.Links {
		interfaces = append(interfaces, of.Name)
	}
	for range r.IntN(4) {
		in.DirectorAddresses = append(in.DirectorAddresses, plan.InterfaceAddress{Interface: pick(r, interfaces...), Address: randomVIP(r)})
	}
	for range r.IntN(4) {
		in.RealServerAddresses = append(in.RealServerAddresses, randomVIP(r))
	}
	for _, name := range some(r, sysctls...) {
		in.Found[name] = pick(r, "0", "1", "2")
	}
	for _, name := range some(r, timeouts...) {
		in.Found[name] = pick(r, "60", "120", "300", "900")
	}
	return in
}

// everywhere calls the test with many random numbers, the same ones in each run.
func everywhere(t *testing.T, test func(t *testing.T, r *rand.Rand)) {
	t.Helper()
	for seed := range uint64(worlds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { test(t, rand.New(rand.NewPCG(seed, 0))) })
		if t.Failed() {
			return
		}
	}
}

// carryOut plays the operations on a kernel in memory that holds the actual state, and returns what the kernel has then.
func carryOut(t *testing.T, actual plan.Actual, operations []plan.Operation) plan.Actual {
	t.Helper()
	k := kerneltest.New("eth0", "eth1")
	k.Preset(nil, actual)
	before := []plan.Operation{&plan.SetMarks{Rules: actual.Marks}, &plan.SetClosed{Addresses: actual.Closed}, &plan.SetTimeouts{Timeouts: actual.Timeouts}}
	for _, family := range actual.Routes {
		before = append(before, &plan.AddRoute{Family: family})
	}
	for _, rule := range actual.Rules {
		before = append(before, (*plan.AddRule)(&rule))
	}
	for _, operation := range operations {
		if o, isSysctl := operation.(*plan.SetSysctl); isSysctl && actual.Sysctls[o.Name] == "" {
			t.Errorf("%s: this kernel has no such setting", o)
		}
	}
	if failures := k.Apply(t.Context(), slices.Concat(before, operations)); len(failures) > 0 {
		t.Fatalf("the kernel refused %v", failures)
	}
	after, err := k.Read(t.Context(), kernel.Query{Sysctls: slices.Collect(maps.Keys(actual.Sysctls)), IPVS: true, Marks: true, Closed: true,
		Links: true, LinkNames: []string{links[0].Name, links[1].Name}})
	if err != nil {
		t.Fatal(err)
	}
	return after
}

func TestAppliedPlanGivesTheDesiredNode(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rand.Rand) {
		in := randomIn(r)
		after := carryOut(t, in.Actual, plan.Plan(in).All())
		checkLinks(t, in, after)
		checkAddresses(t, in, after)
		checkSettings(t, in, after)
		checkMarks(t, in, after)
		checkClosed(t, in, after)
	})
}

func checkLinks(t *testing.T, in plan.In, after plan.Actual) {
	t.Helper()
	want := map[string]plan.ActualLink{}
	for _, of := range in.Links {
		holds := slices.ContainsFunc(in.DirectorAddresses, func(a plan.InterfaceAddress) bool { return a.Interface == of.Name })
		want[of.Name] = plan.ActualLink{Link: of, Bridge: true, Up: holds, Ours: true}
	}
	for _, before := range in.Actual.Links {
		if !before.Ours {
			want[before.Name] = before
		}
	}
	got := map[string]plan.ActualLink{}
	for _, of := range after.Links {
		got[of.Name] = of
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("links: %s", diff)
	}
}

func checkAddresses(t *testing.T, in plan.In, after plan.Actual) {
	t.Helper()
	wanted := map[plan.InterfaceAddress]bool{}
	others := plan.ForeignLinks(in)
	for _, address := range in.DirectorAddresses {
		if !slices.Contains(others, address.Interface) {
			wanted[address] = true
		}
	}
	for _, address := range in.RealServerAddresses {
		wanted[plan.InterfaceAddress{Interface: "lo", Address: address}] = true
	}
	has := map[plan.InterfaceAddress]bool{}
	for _, address := range after.Addresses {
		at := plan.InterfaceAddress{Interface: address.Interface, Address: address.Prefix.Addr()}
		has[at] = true
		if address.Ours && (!address.Prefix.IsSingleIP() || !wanted[at]) {
			t.Errorf("%v is ours and not wanted", address)
		}
	}
	for at := range wanted {
		if !has[at] {
			t.Errorf("%s lacks %s", at.Interface, at.Address)
		}
	}
	for _, before := range in.Actual.Addresses {
		if !before.Ours && !slices.Contains(after.Addresses, before) {
			t.Errorf("%v was somebody else's and is gone", before)
		}
	}
}

// values are all settings of a kernel, time-outs included.
func values(actual plan.Actual) map[string]string {
	all := maps.Clone(actual.Sysctls)
	for i, seconds := range []uint32{actual.Timeouts.TCP, actual.Timeouts.TCPFin, actual.Timeouts.UDP} {
		all[timeouts[i]] = strconv.Itoa(int(seconds))
	}
	return all
}

func checkSettings(t *testing.T, in plan.In, after plan.Actual) {
	t.Helper()
	want := values(in.Actual)
	set := func(name, value string) {
		if _, exists := want[name]; exists {
			want[name] = value
		}
	}
	for name, value := range in.Found {
		set(name, value)
	}
	for _, setting := range in.Settings {
		set(setting.Name, setting.Value)
	}
	for range in.Links {
		set("net.ipv4.conf.eth0.arp_ignore", "1")
		set("net.ipv4.conf.eth0.arp_announce", "2")
	}
	for _, family := range in.Forwarding {
		set(map[ipvs.Family]string{ipvs.IPv4: "net.ipv4.ip_forward", ipvs.IPv6: "net.ipv6.conf.all.forwarding"}[family], "1")
	}
	for _, sysctl := range realserver.For(in.RealServerAddresses).Sysctls {
		set(sysctl.Name, sysctl.Value)
	}
	if diff := cmp.Diff(want, values(after)); diff != "" {
		t.Errorf("settings: %s", diff)
	}
}

// checkClosed wants closed what is to be, but for what the node accepts on lo and its own addresses.
func checkClosed(t *testing.T, in plan.In, after plan.Actual) {
	t.Helper()
	accepted := func(address netip.Addr) bool {
		return slices.ContainsFunc(after.Addresses, func(a plan.Address) bool {
			return (a.Interface == "lo" || !a.Prefix.IsSingleIP()) && a.Prefix.Addr() == address
		})
	}
	if want := slices.DeleteFunc(slices.Clone(in.Closed), accepted); !slices.Equal(want, after.Closed) {
		t.Errorf("closed %v, want %v", after.Closed, want)
	}
}

func checkMarks(t *testing.T, in plan.In, after plan.Actual) {
	t.Helper()
	if !slices.EqualFunc(in.Marks, after.Marks, mark.Rule.Equal) {
		t.Errorf("marks %v, want %v", after.Marks, in.Marks)
	}
	needed := map[plan.PolicyRule]bool{}
	for _, rule := range in.Marks {
		needed[plan.PolicyRule{Mark: rule.Mark, Family: rule.Family}] = true
	}
	for _, rule := range after.Rules {
		if !needed[rule] || !slices.Contains(after.Routes, rule.Family) {
			t.Errorf("rule %v is not needed, or leads nowhere: routes %v", rule, after.Routes)
		}
		delete(needed, rule)
	}
	if len(needed) > 0 {
		t.Errorf("without a policy rule: %v", needed)
	}
	for _, family := range after.Routes {
		if !slices.ContainsFunc(after.Rules, func(rule plan.PolicyRule) bool { return rule.Family == family }) {
			t.Errorf("no rule leads to the route of %s", family)
		}
	}
}

func TestAppliedPlanLeavesNothingToPlanForTheNode(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rand.Rand) {
		in := randomIn(r)
		in.Actual = carryOut(t, in.Actual, plan.Plan(in).All())
		if again := plan.Plan(in).All(); len(again) > 0 {
			t.Errorf("planned again:\n%s", commands(again))
		}
	})
}

func TestAnInterruptedPlanIsFinishedByTheNext(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rand.Rand) {
		in := randomIn(r)
		whole := plan.Plan(in).All()
		interrupted := in
		interrupted.Actual = carryOut(t, in.Actual, whole[:r.IntN(len(whole)+1)])
		got := carryOut(t, interrupted.Actual, plan.Plan(interrupted).All())
		want := carryOut(t, in.Actual, whole)
		if diff := cmp.Diff(fmt.Sprint(want), fmt.Sprint(got)); diff != "" {
			t.Errorf("after an interruption: %s", diff)
		}
	})
}

func TestOrderOfTheInputDoesNotMatter(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rand.Rand) {
		in := randomIn(r)
		want := commands(plan.Plan(in).All())
		shuffle(r, in.Links)
		shuffle(r, in.Actual.Links)
		shuffle(r, in.Actual.Addresses)
		shuffle(r, in.Actual.Routes)
		shuffle(r, in.Actual.Rules)
		shuffle(r, in.DirectorAddresses)
		shuffle(r, in.RealServerAddresses)
		if diff := cmp.Diff(want, commands(plan.Plan(in).All())); diff != "" {
			t.Error(diff)
		}
	})
}
