// SPDX-License-Identifier: Apache-2.0

package allocate

// MaxRouters is how many virtual routers a group may have.
const MaxRouters = 16

// priorityStep is by how much a director's priority is lower than that of the one that is preferred to it. A Backup's skew grows by
// 1/256 of the advertisement interval for each (RFC 9568 section 6.1): the steps keep two Backups from taking over at once.
const priorityStep = 4

// Priority is that of the director in a place in one of several virtual routers, counted from 0: highest, or 4 to 60 less, but not
// less than 2, for 1 is that of a director that hands over. It follows from router and place alone, so nobody's coming or going
// changes it. A director without a place, -1, is preferred to none; the 17th place is as the first.
func Priority(router, place int, highest int32) int32 {
	rank := int32(len(preferences) - 1)
	if place >= 0 {
		rank = rankOf(router, place%len(preferences))
	}
	return max(2, highest-priorityStep*rank)
}

// rankOf is how many places the router prefers to this one.
func rankOf(router, place int) int32 {
	for rank, preferred := range preferences[router%MaxRouters] {
		if int(preferred) == place {
			return int32(rank)
		}
	}
	return int32(len(preferences) - 1)
}
