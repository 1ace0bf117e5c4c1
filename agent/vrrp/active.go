// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"time"
)

func (i *Instance) becomeActive(now time.Time) Actions {
	i.state = Active
	i.active = netip.Addr{}
	i.wants = false
	i.quietUntil = now.Add(i.config.Interval)
	return i.advertise(now) | Transition | Announce
}

// advertise restarts the Adver_Timer from now: a tick that comes late is not made up for by a second one.
func (i *Instance) advertise(now time.Time) Actions {
	i.deadline = now.Add(i.config.Interval)
	return Advertise
}

// receiveActive is RFC 9568 section 6.4.3.
func (i *Instance) receiveActive(now time.Time, src netip.Addr, a *Advertisement) Actions {
	switch {
	case a.Priority == PriorityResign:
		return i.advertise(now)
	case a.Priority > i.config.Priority, a.Priority == i.config.Priority && i.config.Source.Less(src):
		i.activeInterval, i.activePriority = a.Interval, a.Priority
		return i.becomeBackup(now, src)
	}
	return i.assert(now)
}

// assert answers an Active that loses against us. The hosts may have learnt its MAC address meanwhile, hence the
// Announce, at most one an interval: a packet that anybody on the link can send must not turn into many.
func (i *Instance) assert(now time.Time) Actions {
	if now.Before(i.quietUntil) {
		return Advertise
	}
	i.quietUntil = now.Add(i.config.Interval)
	return Advertise | Announce
}
