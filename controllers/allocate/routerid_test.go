// SPDX-License-Identifier: Apache-2.0

package allocate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhichRouterIDsAGroupGets(t *testing.T) {
	on := func(id int32) RouterID { return RouterID{"eth0", id} }
	for _, story := range []struct {
		tells   string
		claims  []Claim
		foreign map[RouterID]string
		want    map[string][]int32
	}{
		{
			tells:  "the lowest, the older group first",
			claims: []Claim{{Group: "old", Routers: 1}, {Group: "young", Routers: 1}},
			want:   map[string][]int32{"old": {1}, "young": {2}},
		},
		{
			tells:  "not one that a younger group has or was given",
			claims: []Claim{{Group: "old", Routers: 1}, {Group: "kept", Routers: 1, Kept: []int32{1}}, {Group: "given", Routers: 1, Given: 2}},
			want:   map[string][]int32{"old": {3}, "kept": {1}, "given": {2}},
		},
		{
			tells:  "any on an interface of another name",
			claims: []Claim{{Group: "old", Interface: "eth0", Routers: 1}, {Group: "young", Interface: "eth1", Routers: 1}},
			want:   map[string][]int32{"old": {1}, "young": {1}},
		},
		{
			tells:  "the given one first, and the others allocated",
			claims: []Claim{{Group: "edge", Routers: 3, Given: 66}},
			want:   map[string][]int32{"edge": {66, 1, 2}},
		},
		{
			tells:  "the given one in place of the allocated one, the others as they were",
			claims: []Claim{{Group: "edge", Routers: 3, Given: 66, Kept: []int32{1, 2, 3}}},
			want:   map[string][]int32{"edge": {66, 2, 3}},
		},
		{
			tells:  "another one for a virtual router whose id the user gives to the first",
			claims: []Claim{{Group: "edge", Routers: 3, Given: 2, Kept: []int32{1, 2, 3}}},
			want:   map[string][]int32{"edge": {2, 1, 3}},
		},
		{
			tells:  "what it had, when the user gives none any more",
			claims: []Claim{{Group: "edge", Routers: 1, Kept: []int32{66}}},
			want:   map[string][]int32{"edge": {66}},
		},
		{
			tells:  "the first ones that it had, when it has fewer virtual routers",
			claims: []Claim{{Group: "edge", Routers: 2, Kept: []int32{3, 2, 1}}},
			want:   map[string][]int32{"edge": {3, 2}},
		},
		{
			tells:  "what it has, though another group is given the same",
			claims: []Claim{{Group: "given", Routers: 1, Given: 1}, {Group: "kept", Routers: 1, Kept: []int32{1}}},
			want:   map[string][]int32{"given": {1}, "kept": {1}},
		},
		{
			tells:  "none that is excluded",
			claims: []Claim{{Group: "edge", Routers: 2, Kept: []int32{1, 2}, Excluded: []int32{1, 3}}},
			want:   map[string][]int32{"edge": {4, 2}},
		},
		{
			tells:  "one that is excluded, if it is given",
			claims: []Claim{{Group: "edge", Routers: 1, Given: 1, Excluded: []int32{1}}},
			want:   map[string][]int32{"edge": {1}},
		},
		{
			tells:   "none that directors still run for a group that is gone",
			claims:  []Claim{{Group: "edge", Interface: "eth0", Routers: 2}},
			foreign: map[RouterID]string{on(1): "gone", on(2): "edge", on(3): "gone", {"eth1", 4}: "gone"},
			want:    map[string][]int32{"edge": {2, 4}},
		},
	} {
		t.Run(story.tells, func(t *testing.T) {
			if diff := cmp.Diff(story.want, RouterIDs(story.claims, story.foreign)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestWhenAllIDsAreInUseTheYoungestGetsNone(t *testing.T) {
	var claims []Claim
	for i := range 16 {
		claims = append(claims, Claim{Group: fmt.Sprint("old-", i), Routers: 16})
	}
	claims[15].Routers = 13
	claims = append(claims, Claim{Group: "young", Routers: 2}, Claim{Group: "given", Routers: 1, Given: 7})
	ids := RouterIDs(claims, nil)
	if got := ids["young"]; !slices.Equal(got, []int32{255, 0}) {
		t.Errorf("the young group has %v, want the last id and none", got)
	}
	if got := ids["given"]; !slices.Equal(got, []int32{7}) {
		t.Errorf("a group that was given an id has %v", got)
	}
}

// TestNoIDMovesUnlessItsUserSaysSo lets groups come and go and change, and looks at all others.
func TestNoIDMovesUnlessItsUserSaysSo(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	var claims []Claim
	for step := range 3000 {
		touched := ""
		if i := random.IntN(len(claims) + 1); i == len(claims) {
			touched = fmt.Sprint("group-", step)
			claims = append(claims, Claim{Group: touched, Interface: fmt.Sprint("eth", random.IntN(2)), Routers: 1 + random.IntN(4)})
		} else if random.IntN(2) == 0 && len(claims) > 20 {
			claims = slices.Delete(claims, i, i+1)
		} else {
			touched = claims[i].Group
			claims[i].Given = int32(random.IntN(100))
			claims[i].Routers = 1 + random.IntN(6)
		}
		ids := RouterIDs(claims, nil)
		for i, c := range claims {
			got := ids[c.Group]
			if c.Group != touched && !slices.Equal(got, c.Kept) {
				t.Fatalf("step %d, a change of %q: the ids of %s went from %v to %v", step, touched, c.Group, c.Kept, got)
			}
			if sorted := slices.Sorted(slices.Values(got)); len(slices.Compact(sorted)) != c.Routers || sorted[0] < 1 {
				t.Fatalf("step %d: %s has %v, want %d different ids", step, c.Group, got, c.Routers)
			}
			claims[i].Kept = got
		}
	}
}
