// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package schedulers

import (
	"net/netip"
	"testing"
)

// overload holds connections to a site until its cache has one more than its weight of 2, and returns the cache's name
// and what ends them. From then on the cache is overloaded, as others are idle.
func overload(t *testing.T, target netip.AddrPort) (name string, end func()) {
	t.Helper()
	var ends []func()
	for range 3 {
		answered, end := hold(t, someone, target)
		if name != "" && answered != name {
			t.Fatalf("%s was asked of %s, then of %s, which is not overloaded yet", target, name, answered)
		}
		name, ends = answered, append(ends, end)
	}
	return name, func() {
		for _, end := range ends {
			end()
		}
	}
}

// idle waits until a cache has no active connection.
func idle(t *testing.T, s service, name string) {
	t.Helper()
	address := address4(number(t, name))
	eventually(t, name+" is idle", func() bool { return s.connections(address).Active == 0 })
}

func TestLocalityKeepsASiteOnOneCache(t *testing.T) {
	for _, scheduler := range []string{"lblc", "lblcr"} {
		t.Run(scheduler, func(t *testing.T) {
			add(t, cluster(t, scheduler), caches(3, 2)...)
			for number := 1; number <= 6; number++ {
				if counts := count(append(askTimes(t, 2, someone, site(number)), ask(t, client(9), site(number)))); len(counts) != 1 {
					t.Errorf("site %d was asked of %v, want one cache for all clients", number, counts)
				}
			}
		})
	}
}

func TestLocalityGivesANewSiteToTheLeastLoadedCache(t *testing.T) {
	for _, scheduler := range []string{"lblc", "lblcr"} {
		t.Run(scheduler, func(t *testing.T) {
			add(t, cluster(t, scheduler), caches(3, 2)...)
			at := map[string]bool{}
			for number := 1; number <= 3; number++ {
				name, _ := hold(t, someone, site(number))
				at[name] = true
			}
			if len(at) != 3 {
				t.Errorf("three sites, each with a held connection, are at %v; want a cache each", at)
			}
		})
	}
}

func TestLocalityMovesTheSiteOfAnOverloadedCache(t *testing.T) {
	s := add(t, cluster(t, "lblc"), caches(3, 2)...)
	first, end := overload(t, site(1))
	second := ask(t, someone, site(1))
	if second == first {
		t.Fatalf("%s is overloaded, and was asked again", first)
	}
	end()
	idle(t, s, first)
	if names := askTimes(t, 6, someone, site(1)); count(names)[second] != 6 {
		t.Errorf("the site moved from %s to %s, and was then asked of %v", first, second, names)
	}
}

func TestReplicationAddsACacheToTheSiteOfAnOverloadedOne(t *testing.T) {
	s := add(t, cluster(t, "lblcr"), caches(3, 2)...)
	first, end := overload(t, site(1))
	second, _ := hold(t, someone, site(1))
	if second == first {
		t.Fatalf("%s is overloaded, and was asked again", first)
	}
	end()
	idle(t, s, first)
	// first has none and second one: the site is with both, so connections alternate until each is as loaded as the other.
	if name, _ := hold(t, someone, site(1)); name != first {
		t.Errorf("with %s idle and a connection on %s, the site was asked of %s", first, second, name)
	}
	if counts := count(holdTimes(t, 2, site(1))); counts[first] != 1 || counts[second] != 1 {
		t.Errorf("the next two connections: %v, want one each on %s and %s, and none on the third cache", counts, first, second)
	}
}
