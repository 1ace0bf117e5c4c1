// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"fmt"
	"strings"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// lastActive is, by a group's name and the id of a virtual router, the director that was last Active alone.
type lastActive map[string]map[int32]string

// of are the group's, to be read and changed.
func (l lastActive) of(group string) map[int32]string {
	if l[group] == nil {
		l[group] = map[int32]string{}
	}
	return l[group]
}

// electionChanges are what an operator must see of how a group's elections have changed.
type electionChanges struct {
	// split are the ids of the virtual routers whose split brain begins.
	split []int32
	// healed and active are sentences: of each split brain that is over, and of each director that is Active alone now.
	healed, active []string
}

// compareElections compares the elections of a status with those of the one before, and keeps last up to date.
func compareElections(before, after []v1alpha1.Election, last map[int32]string) electionChanges {
	var changes electionChanges
	was := map[int32]string{}
	for _, election := range before {
		was[election.VirtualRouterID] = election.Active
		if isOne(election.Active) {
			last[election.VirtualRouterID] = election.Active
		}
	}
	for _, election := range after {
		id, old, now := election.VirtualRouterID, was[election.VirtualRouterID], election.Active
		prefix := ""
		if len(after) > 1 {
			prefix = fmt.Sprintf("virtual router %d: ", id)
		}
		switch {
		case isSplit(now) && !isSplit(old):
			changes.split = append(changes.split, id)
		case isSplit(old) && !isSplit(now):
			changes.healed = append(changes.healed, prefix+healedMessage(old, now))
		}
		if isOne(now) && now != old {
			changes.active = append(changes.active, prefix+activeMessage(last[id], now))
			last[id] = now
		}
	}
	return changes
}

// isOne says whether an Election.active names exactly one director, and isSplit whether it names several.
func isOne(active string) bool   { return countOf(active) == 1 }
func isSplit(active string) bool { return countOf(active) > 1 }

// healedMessage names the directors that were Active at the same time, and who is now.
func healedMessage(were, now string) string {
	if now == "" {
		now = "none of them"
	}
	return fmt.Sprintf("directors %s are no longer Active at the same time: %s is now", were, now)
}

// activeMessage names the director that is Active now and the one that last was so alone, empty for none that is known.
func activeMessage(last, now string) string {
	switch last {
	case "":
		return fmt.Sprintf("director %s is Active", now)
	case now:
		return fmt.Sprintf("director %s is Active again", now)
	default:
		return fmt.Sprintf("director %s is Active, before it was %s", now, last)
	}
}

// mostNote is how long an event's note may be, in bytes.
const mostNote = 1024

// noteOf joins sentences to an event's note, as many as there is room for.
func noteOf(sentences []string) string {
	note := strings.Join(sentences, "; ")
	const more = "..."
	if len(note) <= mostNote {
		return note
	}
	return strings.ToValidUTF8(note[:mostNote-len(more)], "") + more
}
