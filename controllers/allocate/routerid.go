// SPDX-License-Identifier: Apache-2.0

package allocate

import "slices"

// MaxRouterID is the greatest virtual router id; the least is 1 (RFC 9568 section 5.2.3).
const MaxRouterID = 255

// RouterID is a virtual router id on the interfaces of a name. Whether interfaces of one name on different nodes are on one link is
// not known, so an id is given out once for all of them.
type RouterID struct {
	Interface string
	ID        int32
}

// Claim is what one director group has and wants of router ids.
type Claim struct {
	// Group is the group's name.
	Group string
	// Interface is the name of the group's interface.
	Interface string
	// Given is the id that the user gave to the first virtual router; 0: none.
	Given int32
	// Routers is how many ids the group needs, 1 or more.
	Routers int
	// Kept are the ids that the group has, in the order of its virtual routers.
	Kept []int32
	// Excluded are ids that the user does not want to be allocated. A kept one that is among them is given up.
	Excluded []int32
}

// RouterIDs says which ids each group has, by its name and in the order of its virtual routers. Ids that were given or kept are the
// group's whoever else has them. All others are the lowest that are free, an earlier claim choosing first; 0 stands where none is.
//
// foreign are ids that somebody outside of the claims may use, with the group that does, or did: only that one may have such an id.
func RouterIDs(claims []Claim, foreign map[RouterID]string) map[string][]int32 {
	all := make(map[string][]int32, len(claims))
	taken := map[RouterID]bool{}
	for _, c := range claims {
		ids := c.firm()
		all[c.Group] = ids
		for _, id := range ids {
			taken[RouterID{c.Interface, id}] = true
		}
	}
	for _, c := range claims {
		for i, id := range all[c.Group] {
			if id == 0 {
				id = c.lowestFree(taken, foreign)
				all[c.Group][i] = id
				taken[RouterID{c.Interface, id}] = true
			}
		}
	}
	return all
}

// firm are the ids that the group has for certain, and 0 where one has to be allocated.
func (c Claim) firm() []int32 {
	ids := make([]int32, c.Routers)
	copy(ids, c.Kept)
	for i, id := range ids {
		if slices.Contains(c.Excluded, id) || id == c.Given || slices.Contains(ids[:i], id) {
			ids[i] = 0
		}
	}
	if c.Given != 0 {
		ids[0] = c.Given
	}
	return ids
}

func (c Claim) lowestFree(taken map[RouterID]bool, foreign map[RouterID]string) int32 {
	for id := int32(1); id <= MaxRouterID; id++ {
		on := RouterID{c.Interface, id}
		owner, known := foreign[on]
		if !taken[on] && (!known || owner == c.Group) && !slices.Contains(c.Excluded, id) {
			return id
		}
	}
	return 0
}
