// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"time"
)

// longestQuiet bounds the pause between announcements that losing advertisements ask for. It is half of what a director that yields
// keeps its addresses for: until then the link has to know where they are.
const longestQuiet = 250 * time.Millisecond

func (i *Instance) becomeActive(now time.Time) Actions {
	i.state = Active
	i.active = netip.Addr{}
	i.wants = false
	i.quiet(now)
	return i.advertise(now) | Transition | Announce
}

// advertise restarts the Adver_Timer from now: a tick that comes late is not made up for by a second one.
func (i *Instance) advertise(now time.Time) Actions {
	i.deadline = now.Add(i.config.Interval)
	return Advertise
}

// tickActive serves the timers that are due.
func (i *Instance) tickActive(now time.Time) Actions {
	var actions Actions
	if !now.Before(i.deadline) {
		actions = i.advertise(now)
	}
	if !i.announceAt.IsZero() && !now.Before(i.announceAt) {
		i.quiet(now)
		actions |= Announce
	}
	return actions
}

// receiveActive is RFC 9568 section 6.4.3.
func (i *Instance) receiveActive(now time.Time, src netip.Addr, a *Advertisement) Actions {
	switch {
	case a.Priority == PriorityResign:
		return i.advertise(now)
	case i.losesTo(src, a):
		i.activeInterval, i.activePriority = a.Interval, a.Priority
		return i.yield(now, src)
	}
	return i.assert(now)
}

// losesTo says that of two Actives the one at src is to stay: its priority is higher, or equal and its address is greater.
func (i *Instance) losesTo(src netip.Addr, a *Advertisement) bool {
	return a.Priority > i.config.Priority || a.Priority == i.config.Priority && i.config.Source.Less(src)
}

// assert answers an Active that loses against us. The hosts may have learnt its MAC address meanwhile, hence the Announce, and one more
// when a pause is over: the other advertises first, and announces when its addresses are there. There is at most one an interval, or
// longestQuiet: a packet that anybody on the link can send must not turn into many.
func (i *Instance) assert(now time.Time) Actions {
	actions := Advertise
	if !now.Before(i.quietUntil) {
		i.quiet(now)
		actions |= Announce
	}
	i.announceAt = i.quietUntil
	return actions
}

// quiet begins the time in which a losing advertisement is not answered by another Announce.
func (i *Instance) quiet(now time.Time) {
	i.quietUntil = now.Add(min(i.config.Interval, longestQuiet))
	i.announceAt = time.Time{}
}
