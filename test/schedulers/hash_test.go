// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package schedulers

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// homes asks once for each of the clients 1 to n and returns who answered whom.
func homes(t *testing.T, n int, target netip.AddrPort) map[int]string {
	t.Helper()
	homes := map[int]string{}
	for number := 1; number <= n; number++ {
		homes[number] = ask(t, client(number), target)
	}
	return homes
}

func TestSourceHashingKeepsAClientOnOneRealServer(t *testing.T) {
	s := add(t, tcp(t, "sh"), evenly(3)...)
	first := homes(t, 12, s.target())
	if len(spread(first)) != 3 {
		t.Errorf("12 clients went to %v, want all three real servers", spread(first))
	}
	for number, again := range homes(t, 12, s.target()) {
		if again != first[number] {
			t.Errorf("client %d went to %s, then to %s", number, first[number], again)
		}
	}
}

func TestSourceHashingWithPortsSpreadsOneClient(t *testing.T) {
	s := tcp(t, "sh")
	s.Flags = ipvs.HashPort
	if counts := count(askTimes(t, 24, someone, add(t, s, evenly(3)...).target())); len(counts) != 3 {
		t.Errorf("24 connections of one client: %v, want all three real servers", counts)
	}
}

func TestSourceHashingWithPortsKeepsAPortOnOneRealServer(t *testing.T) {
	one, other := tcp(t, "sh"), tcp(t, "sh")
	one.Flags, other.Flags = ipvs.HashPort, ipvs.HashPort
	first, second := add(t, one, evenly(3)...), add(t, other, evenly(3)...)
	for range 8 {
		from := netip.AddrPortFrom(someone, freshPort())
		if a, b := askFrom(t, stage.client, from, first.target()), askFrom(t, stage.client, from, second.target()); a != b {
			t.Errorf("%s went to %s at one virtual IP and to %s at another", from, a, b)
		}
	}
}

func TestHashingRefusesTheClientsOfARealServerOfWeightZero(t *testing.T) {
	for _, scheduler := range []string{"sh", "mh"} {
		t.Run(scheduler, func(t *testing.T) {
			s := add(t, tcp(t, scheduler), evenly(2)...)
			before := homes(t, 8, s.target())
			s.change(to(2, 0))
			for number, home := range before {
				if got := refused(t, client(number), s.target()); got != (home == "rs2") {
					t.Errorf("client %d of %s: refused %t", number, home, got)
				}
			}
		})
	}
}

func TestHashingWithFallbackMovesOnlyTheClientsOfARealServerOfWeightZero(t *testing.T) {
	for _, scheduler := range []string{"sh", "mh"} {
		t.Run(scheduler, func(t *testing.T) {
			wanted := tcp(t, scheduler)
			wanted.Flags = ipvs.Fallback
			s := add(t, wanted, evenly(3)...)
			before := homes(t, 12, s.target())
			s.change(to(2, 0))
			for number, now := range homes(t, 12, s.target()) {
				if home := before[number]; home != "rs2" && now != home || now == "rs2" {
					t.Errorf("client %d of %s went to %s", number, home, now)
				}
			}
		})
	}
}

func TestDestinationHashingKeepsASiteOnOneCache(t *testing.T) {
	s := add(t, cluster(t, "dh"), caches(3, 1)...)
	at := map[int]string{}
	for number := 1; number <= 12; number++ {
		at[number] = ask(t, someone, site(number))
	}
	if len(spread(at)) != 3 {
		t.Errorf("12 sites went to %v, want all three caches", spread(at))
	}
	for number, cache := range at {
		if again := ask(t, client(number+1), site(number)); again != cache {
			t.Errorf("site %d was asked of %s, by another client of %s", number, cache, again)
		}
	}
	s.change(cache(2, 0))
	silenced := false
	for number, home := range at {
		switch {
		case home != "rs2":
			if now := ask(t, someone, site(number)); now != home {
				t.Errorf("with weight 0 of rs2, site %d of %s was asked of %s", number, home, now)
			}
		case !silenced:
			// One is enough: it takes the whole wait. Nobody refuses, since no host but the site itself may answer for it.
			if silenced = silent(t, someone, site(number)); !silenced {
				t.Errorf("with weight 0 of rs2, its site %d is answered", number)
			}
		}
	}
}

func TestMaglevHashingMovesOnlyTheShareOfARemovedRealServer(t *testing.T) {
	const clients = 120
	destinations := make([]ipvs.Destination, 0, realServers)
	for number := 1; number <= realServers; number++ {
		destinations = append(destinations, to6(number))
	}
	s := add(t, tcp6(t, "mh"), destinations...)
	homes := func() map[int]string {
		homes := map[int]string{}
		for number := 1; number <= clients; number++ {
			homes[number] = ask(t, client6(number, 1), s.target())
		}
		return homes
	}
	before := homes()
	share := len(spread(before)["rs4"])
	s.remove(to6(4))
	moved := 0
	for number, now := range homes() {
		switch home := before[number]; {
		case now == "rs4":
			t.Errorf("client %d went to rs4, which was removed", number)
		case home != "rs4" && now != home:
			moved++
		}
	}
	t.Logf("of %d clients, the %d of rs4 moved, and %d of the other %d", clients, share, moved, clients-share)
	if share == 0 || share > clients/4 || moved > clients/20 {
		t.Errorf("removing rs4 moved its own %d clients of %d and %d others; want about a tenth, and at most a twentieth", share, clients, moved)
	}
}

func TestMaglevHashingWithPortsSpreadsOneClientEvenly(t *testing.T) {
	s := tcp(t, "mh")
	s.Flags = ipvs.HashPort
	counts := count(askTimes(t, 100, someone, add(t, s, evenly(5)...).target()))
	t.Logf("100 connections of one client: %v", counts)
	for _, name := range []string{"rs1", "rs2", "rs3", "rs4", "rs5"} {
		if counts[name] < 8 || counts[name] > 35 {
			t.Errorf("%s answered %d of 100 connections, want about 20", name, counts[name])
		}
	}
}

// spread turns who-went-where around.
func spread(homes map[int]string) map[string][]int {
	spread := map[string][]int{}
	for number, home := range homes {
		spread[home] = append(spread[home], number)
		slices.Sort(spread[home])
	}
	return spread
}
