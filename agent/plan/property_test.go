// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/agent/kernel/kerneltest"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

const worlds = 2000

// The worlds are small, so that what is wanted and what is there overlap often.
func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func randomAddress(r *rand.Rand, network string) netip.Addr {
	return netip.MustParseAddr(fmt.Sprintf("%s.%d", network, 10+r.IntN(4)))
}

func randomTable(r *rand.Rand) ipvs.Table {
	var table ipvs.Table
	seen := map[ipvs.ServiceKey]bool{}
	for range r.IntN(8) {
		key := ipvs.ServiceKey{
			Address: randomAddress(r, pick(r, "192.0.2", "198.51.100")), Port: pick[uint16](r, 80, 443),
			Protocol: pick(r, ipvs.TCP, ipvs.UDP, ipvs.SCTP),
		}
		if seen[key] {
			continue
		}
		seen[key] = true
		service := ipvs.Service{Key: key, Scheduler: pick(r, "rr", "wrr"), PersistenceTimeout: pick[uint32](r, 0, 300)}
		table = append(table, ipvs.Entry{Service: service, Destinations: randomDestinations(r)})
	}
	return table
}

func randomDestinations(r *rand.Rand) []ipvs.Destination {
	var destinations []ipvs.Destination
	seen := map[netip.AddrPort]bool{}
	for range r.IntN(5) {
		destination := ipvs.Destination{
			Address: randomAddress(r, "10.0.0"), Port: pick[uint16](r, 80, 8080), Weight: pick[uint32](r, 0, 1, 3),
			Method: pick(r, ipvs.Masquerade, ipvs.Tunnelling, ipvs.DirectRoute),
		}
		if !seen[destination.Key()] {
			seen[destination.Key()] = true
			destinations = append(destinations, destination)
		}
	}
	return destinations
}

func randomActual(r *rand.Rand) plan.Actual {
	actual := plan.Actual{IPVS: randomTable(r), Sysctls: map[string]string{}}
	seen := map[string]bool{}
	for range r.IntN(8) {
		address := plan.Address{
			Interface: pick(r, "lo", "eth0", "eth1"), Ours: pick(r, true, false),
			Prefix: netip.PrefixFrom(randomAddress(r, "192.0.2"), pick(r, 24, 32, 32)),
		}
		if id := address.Interface + address.Prefix.String(); !seen[id] {
			seen[id] = true
			actual.Addresses = append(actual.Addresses, address)
		}
	}
	for _, name := range plan.Sysctls() {
		actual.Sysctls[name] = pick(r, "0", "1", "2")
	}
	return actual
}

func randomIn(r *rand.Rand) plan.In {
	in := plan.In{
		Services: randomTable(r), Owned: pools, Forwarding: pick(r, true, false), Actual: randomActual(r),
		Found: map[string]string{},
	}
	for range r.IntN(4) {
		in.DirectorAddresses = append(in.DirectorAddresses, plan.InterfaceAddress{
			Interface: pick(r, "eth0", "eth1"), Address: randomAddress(r, "192.0.2"),
		})
	}
	for range r.IntN(4) {
		in.RealServerAddresses = append(in.RealServerAddresses, randomAddress(r, "192.0.2"))
	}
	for _, name := range plan.Sysctls() {
		if pick(r, true, false) {
			in.Found[name] = pick(r, "0", "1", "2")
		}
	}
	return in
}

// everywhere calls the test with many random worlds, the same ones in each run.
func everywhere(t *testing.T, test func(t *testing.T, r *rand.Rand, in plan.In)) {
	t.Helper()
	for seed := range uint64(worlds) {
		r := rand.New(rand.NewPCG(seed, 0))
		t.Run(fmt.Sprint(seed), func(t *testing.T) { test(t, r, randomIn(r)) })
		if t.Failed() {
			return
		}
	}
}

// carryOut plays the operations on a kernel in memory that holds in.Actual, and returns it.
func carryOut(t *testing.T, in plan.In, operations []plan.Operation) *kerneltest.Kernel {
	t.Helper()
	k := kerneltest.New("eth0", "eth1")
	k.Preset(in.Actual)
	if failures := k.Apply(t.Context(), operations); len(failures) > 0 {
		t.Fatalf("the kernel refused %v", failures)
	}
	return k
}

func read(t *testing.T, k *kerneltest.Kernel) plan.Actual {
	t.Helper()
	everything := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}
	actual, err := k.Read(t.Context(), kernel.Query{Owned: everything, Sysctls: plan.Sysctls()})
	if err != nil {
		t.Fatal(err)
	}
	return actual
}

func split(table ipvs.Table) (owned, others ipvs.Table) {
	for _, entry := range table {
		if plan.Owns(pools, entry.Service.Key.Address) {
			owned = append(owned, entry)
		} else {
			others = append(others, entry)
		}
	}
	owned.Sort()
	others.Sort()
	return owned, others
}

func TestAppliedPlanGivesTheDesiredState(t *testing.T) {
	everywhere(t, func(t *testing.T, _ *rand.Rand, in plan.In) {
		after := read(t, carryOut(t, in, plan.Plan(in)))

		desired, _ := split(in.Services)
		owned, others := split(after.IPVS)
		if !owned.Equal(desired) {
			t.Errorf("our services: %s", cmp.Diff(desired.String(), owned.String()))
		}
		_, othersBefore := split(in.Actual.IPVS)
		if !others.Equal(othersBefore) {
			t.Errorf("services of others: %s", cmp.Diff(othersBefore.String(), others.String()))
		}

		has := func(link string, address netip.Addr) bool {
			return slices.ContainsFunc(after.Addresses, func(a plan.Address) bool {
				return a.Interface == link && a.Prefix.Addr() == address
			})
		}
		for _, wanted := range in.DirectorAddresses {
			if !has(wanted.Interface, wanted.Address) {
				t.Errorf("%s lacks %s", wanted.Interface, wanted.Address)
			}
		}
		for _, wanted := range in.RealServerAddresses {
			if !has("lo", wanted) {
				t.Errorf("lo lacks %s", wanted)
			}
		}
		for _, address := range after.Addresses {
			director := slices.Contains(in.DirectorAddresses, plan.InterfaceAddress{Interface: address.Interface, Address: address.Prefix.Addr()})
			realServer := address.Interface == "lo" && slices.Contains(in.RealServerAddresses, address.Prefix.Addr())
			if address.Ours && (!address.Prefix.IsSingleIP() || !director && !realServer) {
				t.Errorf("%v is ours and not wanted", address)
			}
		}
		for _, before := range in.Actual.Addresses {
			if !before.Ours && !slices.Contains(after.Addresses, before) {
				t.Errorf("%v was somebody else's and is gone", before)
			}
		}

		for name, value := range after.Sysctls {
			want := in.Actual.Sysctls[name]
			if before, wrote := in.Found[name]; wrote {
				want = before
			}
			switch needed := len(in.RealServerAddresses) > 0; {
			case name == "net.ipv4.ip_forward":
				if in.Forwarding {
					want = "1"
				}
			case name == "net.ipv4.vs.expire_nodest_conn":
				if len(in.Services) > 0 {
					want = "1"
				}
			case name == "net.ipv4.vs.conn_reuse_mode":
				if len(in.Services) > 0 {
					want = "3"
				}
			case needed && (name == "net.ipv4.conf.all.arp_ignore" || name == "net.ipv4.conf.lo.arp_ignore"):
				want = "1"
			case needed:
				want = "2"
			}
			if value != want {
				t.Errorf("%s is %s, want %s", name, value, want)
			}
		}
	})
}

func TestAppliedPlanLeavesNothingToPlan(t *testing.T) {
	everywhere(t, func(t *testing.T, _ *rand.Rand, in plan.In) {
		in.Actual = read(t, carryOut(t, in, plan.Plan(in)))
		if again := plan.Plan(in); len(again) > 0 {
			t.Errorf("planned again:\n%s", commands(again))
		}
	})
}

func TestAnInterruptedPlanIsFinishedByTheNext(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rand.Rand, in plan.In) {
		whole := plan.Plan(in)
		interrupted := in
		interrupted.Actual = read(t, carryOut(t, in, whole[:r.IntN(len(whole)+1)]))
		got, want := read(t, carryOut(t, interrupted, plan.Plan(interrupted))), read(t, carryOut(t, in, whole))
		if !got.IPVS.Equal(want.IPVS) || !cmp.Equal(got.Sysctls, want.Sysctls) || len(got.Addresses) != len(want.Addresses) {
			t.Errorf("after an interruption %v, without one %v", got, want)
		}
	})
}

func TestOrderOfTheInputDoesNotMatter(t *testing.T) {
	everywhere(t, func(t *testing.T, r *rand.Rand, in plan.In) {
		want := commands(plan.Plan(in))
		for _, table := range []ipvs.Table{in.Services, in.Actual.IPVS} {
			shuffle(r, table)
			for _, entry := range table {
				shuffle(r, entry.Destinations)
			}
		}
		shuffle(r, in.Actual.Addresses)
		shuffle(r, in.DirectorAddresses)
		shuffle(r, in.RealServerAddresses)
		if diff := cmp.Diff(want, commands(plan.Plan(in))); diff != "" {
			t.Error(diff)
		}
	})
}

func shuffle[T any](r *rand.Rand, list []T) {
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}
