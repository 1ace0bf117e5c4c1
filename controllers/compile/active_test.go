// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// activesOf is, an address, the director that VRRP makes Active for it when these are alive: of its virtual router that of the highest
// priority.
func activesOf(r Result, alive []string) map[v1alpha1.IPAddress]string {
	actives, best := map[v1alpha1.IPAddress]string{}, map[v1alpha1.IPAddress]int32{}
	for _, node := range alive {
		for _, router := range r.Nodes[node].Director.VirtualRouters {
			for _, address := range router.Addresses {
				if router.Priority > best[address] {
					actives[address], best[address] = node, router.Priority
				}
			}
		}
	}
	return actives
}

// directorsOf are the crowd's group on nodes 0 to n-1, with this many virtual routers.
func directorsOf(n, routers int) Snapshot {
	s := crowd(rand.New(rand.NewPCG(7, 7)))
	s.Nodes = s.Nodes[:n]
	for _, group := range s.Groups {
		group.Spec.VRRP.VirtualRouters = int32(routers)
	}
	return s
}

func loads(actives map[v1alpha1.IPAddress]string) map[string]int {
	loads := map[string]int{}
	for _, node := range actives {
		loads[node]++
	}
	return loads
}

func TestEveryDirectorIsActiveForItsShare(t *testing.T) {
	for n := 2; n <= 16; n++ {
		r := Compile(directorsOf(n, n))
		actives := activesOf(r, r.Directors)
		for node, load := range loads(actives) {
			if share := len(actives) / n; load < share || load > share+1 {
				t.Errorf("%d directors: %s has %d of %d addresses", n, node, load, len(actives))
			}
		}
		if len(loads(actives)) != n {
			t.Errorf("%d directors: %d of them are Active", n, len(loads(actives)))
		}
	}
}

// TestADeadDirectorsAddressesSpread has as many virtual routers as there may be.
func TestADeadDirectorsAddressesSpread(t *testing.T) {
	for n := 3; n <= 8; n++ {
		r := Compile(directorsOf(n, 16))
		before := activesOf(r, r.Directors)
		for _, dead := range r.Directors {
			after := activesOf(r, slices.DeleteFunc(slices.Clone(r.Directors), func(node string) bool { return node == dead }))
			heirs, orphans := map[string]int{}, 0
			for address, node := range before {
				if node == dead {
					orphans++
					heirs[after[address]]++
				} else if after[address] != node {
					t.Fatalf("%d directors: %s moved from %s to %s when %s died", n, address, node, after[address], dead)
				}
			}
			if len(heirs) < 2 {
				t.Errorf("%d directors: all %d addresses of %s went to one other: %v", n, orphans, dead, heirs)
			}
		}
	}
}

func TestADirectorThatComesOrGoesMovesOnlyWhatItHas(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 8))
	s := directorsOf(5, 16)
	before := Compile(s)
	for step := range 40 {
		s = standing(s, before)
		next := fmt.Sprint("node-", random.IntN(9))
		at := slices.IndexFunc(s.Nodes, func(n Node) bool { return n.Name == next })
		if s.Nodes = slices.Clone(s.Nodes); at < 0 {
			s.Nodes = append(s.Nodes, Node{Name: next})
		} else if len(s.Nodes) > 2 {
			s.Nodes = slices.Delete(s.Nodes, at, at+1)
		}
		after := Compile(s)
		was, is := activesOf(before, before.Directors), activesOf(after, after.Directors)
		for address, node := range is {
			if was[address] != node && was[address] != next && node != next {
				t.Fatalf("step %d: %s moved from %s to %s, and it was %s that came or went", step, address, was[address], node, next)
			}
		}
		before = after
	}
}

// TestARouterIDThatChangesMovesNoVirtualIPElsewhere: what the first virtual router had, it has by its new id.
func TestARouterIDThatChangesMovesNoVirtualIPElsewhere(t *testing.T) {
	s := directorsOf(2, 3)
	first := Compile(s)
	s = standing(s, first)
	s.Previous = first.Nodes
	for _, group := range s.Groups {
		if group.Name == s.Group {
			group.Spec.VRRP.VirtualRouterID = 66
		}
	}
	was, is := routersOf(first), routersOf(Compile(s))
	for address, router := range was {
		if want := map[int32]int32{first.VirtualRouterIDs[0]: 66}[router]; is[address] != router && is[address] != want {
			t.Fatalf("%s moved from virtual router %d to %d", address, router, is[address])
		}
	}
}

// TestWhatWasCompiledBeforeCountsMoreThanNodeStates, which are written one by one and may be behind.
func TestWhatWasCompiledBeforeCountsMoreThanNodeStates(t *testing.T) {
	s := directorsOf(2, 2)
	first := Compile(s)
	s = standing(s, first)
	s.Previous = first.Nodes
	moved := s.NodeStates[0].DeepCopy()
	routers := moved.Spec.DirectorGroups[0].VirtualRouters
	routers[0].Addresses, routers[1].Addresses = routers[1].Addresses, routers[0].Addresses
	s.NodeStates = []*v1alpha1.NodeState{moved}
	was, is := routersOf(first), routersOf(Compile(s))
	for address, router := range was {
		if is[address] != router {
			t.Fatalf("%s moved from virtual router %d to %d", address, router, is[address])
		}
	}
	s.Previous = nil
	if is := routersOf(Compile(s)); is[routers[0].Addresses[0]] != routers[0].VirtualRouterID {
		t.Error("without a compilation before, what NodeStates say does not count")
	}
}
