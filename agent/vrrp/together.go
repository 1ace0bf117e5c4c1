// SPDX-License-Identifier: Apache-2.0

package vrrp

import "slices"

// Together decides for the virtual routers of one director that move together, so that all of them are Active on the same director:
// keepalived's vrrp_sync_group. Each director decides for itself, from the standings of its own routers and by the same rules. The zero
// value is ready. Its routers have Config.Waits, and those of all directors the same order of priorities.
//
// The rules, of which the second is keepalived's too, against roles that go to and fro:
//
//   - A router that has lost the role to another director takes the others with it: they yield. Where priorities are equal the addresses
//     decide, on one link perhaps otherwise than on the other; then the first router decides for all.
//   - Nobody takes a role because of silence unless all want to. A link that loses packets without a fault, so that its router hears no
//     Active, moves nothing while the Active is heard on another link.
//   - Who resigns, resigns everywhere. So one router that is called claims the roles of all at once, also where the one that
//     resigned is dead or mute.
//   - A fault of one makes the others yield, and stand back while it lasts: any other director wins against them. They do not leave: a
//     director that is the last one alive serves with what it has.
type Together struct {
	// severed says that a router was Faulty at the last decision.
	severed bool
}

// Move is what all routers that move together are to do; it does nothing to those that do not stand so.
type Move uint8

const (
	// Stay asks for nothing.
	Stay Move = iota
	// ClaimAll asks for Instance.Claim of each.
	ClaimAll
	// YieldAll asks for Instance.Yield of each.
	YieldAll
)

// Order is a decision of Together. What it says of standing back is to be in force before the move.
type Order struct {
	// StandBack says that all take part with the lowest priority, 1.
	StandBack bool
	Move      Move
}

// Decide takes the present standings of all routers, in an order that is the same on each director. It is to be asked again when one of
// them has changed, and not before the last order has been carried out.
func (t *Together) Decide(standings []Standing) Order {
	var n [standingLimit]int
	for _, s := range standings {
		n[s]++
	}
	severed := n[Faulty] > 0
	fell := severed && !t.severed
	t.severed = severed
	first := slices.IndexFunc(standings, func(s Standing) bool { return s != Faulty })
	return Order{StandBack: severed, Move: move(n, fell, first >= 0 && standings[first] == Holding)}
}

// move decides from how many routers stand where. fell says that a fault is new, leads that the first router of those without one holds
// the role.
func move(n [standingLimit]int, fell, leads bool) Move {
	switch {
	case fell && n[Holding] > 0:
		return YieldAll
	case n[Absent] > 0:
		return Stay
	case n[Called] > 0:
		return ClaimAll
	case n[Holding] > 0 && (n[Following] > 0 || n[Tied] > 0 && !leads):
		return YieldAll
	case n[Wanting] > 0 && n[Following]+n[Tied]+n[Waiting] == 0:
		return ClaimAll
	}
	return Stay
}
