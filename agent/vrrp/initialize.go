// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"time"
)

// Start leaves Initialize (RFC 9568 section 6.4.1): the address owner, priority 255, becomes Active, every other router
// Backup. In another state it does nothing.
//
// With resume the router becomes Active at once whatever its priority. This rule is ours. It is for an agent that was
// killed while Active and finds the virtual addresses still on its interface: they answered all the while, so giving
// them up for three intervals would be the only interruption. If meanwhile a better router became Active, its answer to
// our first advertisement sends us to Backup (RFC 9568 section 6.4.3); a worse one yields to us, preemption or not.
func (i *Instance) Start(now time.Time, resume bool) Actions {
	switch {
	case i.state != Initialize:
		return 0
	case resume || i.config.Priority == PriorityOwner:
		return i.becomeActive(now)
	}
	i.activeInterval = i.config.Interval
	return i.becomeBackup(now, netip.Addr{})
}

func (i *Instance) becomeInitialize() Actions {
	i.state = Initialize
	i.deadline, i.announceAt = time.Time{}, time.Time{}
	i.active = netip.Addr{}
	i.wants = false
	return Transition
}
