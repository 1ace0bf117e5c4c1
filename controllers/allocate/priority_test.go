// SPDX-License-Identifier: Apache-2.0

package allocate

import (
	"slices"
	"testing"
)

func TestEachVirtualRouterHasAnOrderOfAllPlaces(t *testing.T) {
	for router, row := range preferences {
		sorted := slices.Sorted(slices.Values(row[:]))
		for place, got := range sorted {
			if int(got) != place {
				t.Errorf("virtual router %d orders %v", router, row)
				break
			}
		}
	}
}

// actives is by how many of the first virtual routers each of the places that are alive is preferred.
func actives(routers int, alive []int) map[int]int {
	counts := map[int]int{}
	for router := range routers {
		best := slices.MaxFunc(alive, func(a, b int) int { return int(Priority(router, a, 100) - Priority(router, b, 100)) })
		counts[best]++
	}
	return counts
}

func firstPlaces(n int) []int {
	places := make([]int, n)
	for i := range places {
		places[i] = i
	}
	return places
}

func TestEachDirectorIsPreferredByAsManyVirtualRouters(t *testing.T) {
	for directors := 1; directors <= 16; directors++ {
		for routers := 1; routers <= MaxRouters; routers++ {
			counts := actives(routers, firstPlaces(directors))
			least, most := routers/directors, (routers+directors-1)/directors
			if routers%directors != 0 {
				most++
				least--
			}
			for place := range directors {
				if n := counts[place]; n < least || n > most {
					t.Errorf("%d directors, %d virtual routers: the director in place %d is preferred by %d", directors, routers, place, n)
				}
			}
		}
	}
}

// TestWhatADeadDirectorHadGoesToDifferentOnes for all numbers of directors of which each has several virtual routers.
func TestWhatADeadDirectorHadGoesToDifferentOnes(t *testing.T) {
	for directors := 3; directors <= 8; directors++ {
		for routers := 2 * directors; routers <= MaxRouters; routers += directors {
			before := actives(routers, firstPlaces(directors))
			for dead := range directors {
				after := actives(routers, slices.DeleteFunc(firstPlaces(directors), func(place int) bool { return place == dead }))
				for place, n := range after {
					if gained := n - before[place]; gained == before[dead] {
						t.Errorf("%d directors, %d virtual routers: all %d of place %d go to place %d", directors, routers, gained, dead, place)
					}
				}
			}
		}
	}
}

// TestPrioritiesLieWithinAQuarter so that a director that cannot serve, which divides its own by four or more, is behind all others;
// see docs/design/hand-over.md.
func TestPrioritiesLieWithinAQuarter(t *testing.T) {
	for _, highest := range []int32{100, 254} {
		for router := range MaxRouters {
			for place := -1; place < MaxPlaces; place++ {
				if p := Priority(router, place, highest); p <= highest/4 || p > highest {
					t.Errorf("the director in place %d has priority %d in virtual router %d", place, p, router)
				}
			}
		}
	}
}

func TestALowHighestPriorityLeavesNoneThatHandsOver(t *testing.T) {
	if p := Priority(0, -1, 5); p != 2 {
		t.Errorf("priority %d, want 2: 1 is that of a director that hands over", p)
	}
}
