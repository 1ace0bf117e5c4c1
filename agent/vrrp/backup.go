// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"time"
)

// becomeBackup follows the Active at src, or waits for one if src is the zero value. activeInterval is set before.
func (i *Instance) becomeBackup(now time.Time, src netip.Addr) Actions {
	i.state = Backup
	i.preemptAt, i.announceAt, i.farewells = time.Time{}, time.Time{}, 0
	i.resigned = false
	i.follow(now, src)
	return Transition
}

// follow starts the Active_Down_Timer.
func (i *Instance) follow(now time.Time, src netip.Addr) {
	i.wants = false
	i.active = src
	i.deadline = now.Add(i.config.down(i.activeInterval))
}

// want is what a Backup that waits for Claim does in the place of becoming Active, again and again until it is claimed or there is an
// Active to follow.
func (i *Instance) want(now time.Time) Actions {
	i.wants = true
	i.deadline = now.Add(i.config.down(i.activeInterval))
	return Want
}

// receiveBackup is RFC 9568 section 6.4.2.
func (i *Instance) receiveBackup(now time.Time, src netip.Addr, a *Advertisement) Actions {
	i.resigned = a.Priority == PriorityResign
	switch {
	case a.Priority == PriorityResign:
		i.active = src
		i.deadline = now.Add(i.config.skew(i.activeInterval))
	case a.Priority >= i.config.Priority || !i.config.preempts():
		i.preemptAt = time.Time{}
		i.activeInterval, i.activePriority = a.Interval, a.Priority
		i.follow(now, src)
		return i.repeatFarewell(now, src, a)
	case i.delays(now):
		i.activeInterval, i.activePriority = a.Interval, a.Priority
		i.follow(now, src)
	}
	return 0
}

// delays says whether an Active of lower priority is still followed. The rule is keepalived's preempt_delay, not the RFC's.
func (i *Instance) delays(now time.Time) bool {
	if i.config.PreemptDelay == 0 || i.config.Priority == PriorityOwner {
		return false
	}
	if i.preemptAt.IsZero() {
		i.preemptAt = now.Add(i.config.PreemptDelay)
	}
	return now.Before(i.preemptAt)
}

// reconfigureBackup keeps the silence heard so far: only the skew's share of the timer changes with the priority.
func (i *Instance) reconfigureBackup(now time.Time, old Config) {
	if i.config.Version == Version2 && i.config.Interval != old.Interval {
		i.activeInterval = i.config.Interval
		i.follow(now, i.active)
		return
	}
	change := i.config.skew(i.activeInterval) - old.skew(i.activeInterval)
	i.deadline = i.deadline.Add(change)
}
