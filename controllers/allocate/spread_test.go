// SPDX-License-Identifier: Apache-2.0

package allocate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

type addresses = []v1alpha1.IPAddress

// some are the first n IPv4 and the first m IPv6 addresses.
func some(n, m int) addresses {
	var list addresses
	for i := range n {
		list = append(list, v1alpha1.IPAddress(fmt.Sprintf("198.51.%d.%d", i/200, 1+i%200)))
	}
	for i := range m {
		list = append(list, v1alpha1.IPAddress(fmt.Sprintf("2001:db8::%x", 1+i)))
	}
	return list
}

// unknown is what n new virtual routers had.
func unknown(n int) []addresses { return make([]addresses, n) }

// routerOf is the virtual router of each address.
func routerOf(lists []addresses) map[v1alpha1.IPAddress]int {
	at := map[v1alpha1.IPAddress]int{}
	for router, list := range lists {
		for _, address := range list {
			at[address] = router
		}
	}
	return at
}

// moved counts addresses that are on other virtual routers than before.
func moved(before, after []addresses) int {
	was, moves := routerOf(before), 0
	for address, router := range routerOf(after) {
		if old, stood := was[address]; stood && old != router {
			moves++
		}
	}
	return moves
}

// known is what the lists are to the next call: a router that is empty is not new.
func known(lists []addresses) []addresses {
	before := slices.Clone(lists)
	for i := range before {
		if before[i] == nil {
			before[i] = addresses{}
		}
	}
	return before
}

func checkBalance(t *testing.T, lists []addresses) {
	t.Helper()
	for family := range 2 {
		var loads []int
		for _, list := range lists {
			s := newSpread(list, nil)
			loads = append(loads, s.total[family])
		}
		if slices.Max(loads)-slices.Min(loads) > 1 {
			t.Errorf("loads of family %d are %v", family, loads)
		}
	}
}

func TestTwoVirtualIPsAreOnTwoVirtualRouters(t *testing.T) {
	got := Spread(addresses{"192.0.2.10", "192.0.2.11"}, unknown(2))
	if diff := cmp.Diff([]addresses{{"192.0.2.10"}, {"192.0.2.11"}}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestEachFamilyIsSpread(t *testing.T) {
	for n := 1; n <= MaxRouters; n++ {
		for v := range 40 {
			checkBalance(t, Spread(some(v, 40-v), unknown(n)))
		}
	}
}

func TestAnAddressOfNeitherOfTheRoutersThatHadItIsNew(t *testing.T) {
	got := Spread(addresses{"192.0.2.10", "192.0.2.11", "192.0.2.12"}, []addresses{{"192.0.2.10", "192.0.2.11"}, {"192.0.2.11"}})
	if diff := cmp.Diff([]addresses{{"192.0.2.10", "192.0.2.12"}, {"192.0.2.11"}}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestNoAddressMovesWhenOthersComeAndGo also holds that whatever comes goes where least is.
func TestNoAddressMovesWhenOthersComeAndGo(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	all := some(200, 60)
	for n := 1; n <= MaxRouters; n++ {
		lists := unknown(n)
		for step := range 50 {
			chosen, at := addresses{}, routerOf(lists)
			for _, address := range all {
				_, has := at[address]
				if has != (random.IntN(20) == 0) {
					chosen = append(chosen, address)
				}
			}
			next := Spread(chosen, lists)
			if moves := moved(lists, next); step > 0 && moves > 0 {
				t.Fatalf("%d virtual routers, step %d: %d addresses moved", n, step, moves)
			}
			if got := len(routerOf(next)); got != len(chosen) {
				t.Fatalf("%d of %d addresses are somewhere", got, len(chosen))
			}
			lists = known(next)
		}
		// What comes now fills up.
		checkBalance(t, Spread(slices.Concat(all, some(0, 1000)[60:], some(1000, 0)[200:]), lists))
	}
}

// TestOneVirtualRouterMoreTakesItsShareAndNoMore: of v addresses the nth virtual router gets v/n, and nothing else moves.
func TestOneVirtualRouterMoreTakesItsShareAndNoMore(t *testing.T) {
	for _, v := range []int{2, 3, 10, 100, 1000} {
		lists := Spread(some(v, v), unknown(1))
		for n := 2; n <= MaxRouters; n++ {
			next := Spread(some(v, v), append(known(lists), nil))
			if moves, want := moved(lists, next), 2*(v/n); moves != want || len(next[n-1]) != want {
				t.Errorf("%d addresses of each family, router %d: %d moved, and it has %d; want %d", v, n, moves, len(next[n-1]), want)
			}
			checkBalance(t, next)
			lists = next
		}
	}
}

func TestOneVirtualRouterLessMovesWhatItHad(t *testing.T) {
	all := some(100, 10)
	lists := Spread(all, unknown(4))
	next := Spread(all, known(lists)[:3])
	if moves := moved(lists, next); moves != len(lists[3]) {
		t.Errorf("%d moved, want the %d of the fourth", moves, len(lists[3]))
	}
	checkBalance(t, next)
}

// TestARouterWithAnotherIDGetsWhatTheOneBeforeHad: to Spread it is a new one among old ones.
func TestARouterWithAnotherIDGetsWhatTheOneBeforeHad(t *testing.T) {
	all := some(100, 10)
	lists := Spread(all, unknown(4))
	before := known(lists)
	before[1] = nil
	if diff := cmp.Diff(lists, Spread(all, before)); diff != "" {
		t.Errorf("-before +after:\n%s", diff)
	}
}
