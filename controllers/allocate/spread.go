// SPDX-License-Identifier: Apache-2.0

package allocate

import (
	"cmp"
	"net/netip"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// Spread divides addresses among as many virtual routers as before is long, and keeps their order. before are the addresses that
// each router had; nil: the router is new. An address stays where it was; of two routers that had it, on the later one. Another
// one goes to the router with the fewest addresses of its family. In the end a new router takes its share from those that have most,
// and no more. So the coming or going of an address moves no other one, and of v addresses one router more, the nth, moves v/n.
func Spread(addresses []v1alpha1.IPAddress, before [][]v1alpha1.IPAddress) [][]v1alpha1.IPAddress {
	s := newSpread(addresses, before)
	for i := range addresses {
		if s.router[i] < 0 {
			s.put(i, s.emptiest(s.family[i]))
		}
	}
	for router, had := range before {
		if had == nil {
			s.fill(router)
		}
	}
	return s.lists(addresses)
}

// spread is the state of a division: everything about an address by its index.
type spread struct {
	family []int // 0: IPv4, 1: IPv6
	router []int // -1: none yet
	load   [][2]int
	total  [2]int
}

func newSpread(addresses []v1alpha1.IPAddress, before [][]v1alpha1.IPAddress) *spread {
	had := map[v1alpha1.IPAddress]int{}
	for router, list := range before {
		for _, address := range list {
			had[address] = router
		}
	}
	s := &spread{family: make([]int, len(addresses)), router: make([]int, len(addresses)), load: make([][2]int, len(before))}
	for i, address := range addresses {
		if parsed, _ := netip.ParseAddr(string(address)); parsed.Is6() {
			s.family[i] = 1
		}
		s.router[i] = -1
		s.total[s.family[i]]++
		if router, stood := had[address]; stood {
			s.put(i, router)
		}
	}
	return s
}

// put gives the address to the router, and takes it from the one that has it.
func (s *spread) put(address, router int) {
	if from := s.router[address]; from >= 0 {
		s.load[from][s.family[address]]--
	}
	s.router[address] = router
	s.load[router][s.family[address]]++
}

// emptiest is the router with the fewest addresses of the family; of several the one with the fewest of all, and of these the first.
func (s *spread) emptiest(family int) int {
	best := 0
	for router, load := range s.load {
		least := s.load[best]
		if cmp.Or(cmp.Compare(load[family], least[family]), cmp.Compare(load[1-family], least[1-family])) < 0 {
			best = router
		}
	}
	return best
}

// fill moves addresses to the router until it has its share of each family.
func (s *spread) fill(router int) {
	for family, total := range s.total {
		for s.load[router][family] < total/len(s.load) {
			fullest := s.fullest(family)
			last := len(s.router) - 1
			for s.router[last] != fullest || s.family[last] != family {
				last--
			}
			s.put(last, router)
		}
	}
}

func (s *spread) fullest(family int) int {
	best := 0
	for router, load := range s.load {
		if load[family] > s.load[best][family] {
			best = router
		}
	}
	return best
}

func (s *spread) lists(addresses []v1alpha1.IPAddress) [][]v1alpha1.IPAddress {
	lists := make([][]v1alpha1.IPAddress, len(s.load))
	for i, address := range addresses {
		lists[s.router[i]] = append(lists[s.router[i]], address)
	}
	return lists
}
