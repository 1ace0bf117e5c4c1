// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

const (
	// lastPriority is that of a router whose timers are served too late, or that stands back: whoever else is alive does it better.
	lastPriority = 1
	// lateBound is how many intervals late are too late: together with the one before, that is the silence after which the others take
	// an Active for dead.
	lateBound = 2
	// lateRecovery is how many intervals without lateness bring the priority back.
	lateRecovery = 10
)

// lateness is a router's that runs late. An Active whose advertisements come two intervals too late is about to be taken for dead, to
// come back a moment later, and so on. It lowers its priority instead, so that a director with time to spare takes over once.
type lateness struct {
	// lateUntil is when the priority comes back; zero: it was not lowered.
	lateUntil time.Time
}

func (l *lateness) late() bool { return !l.lateUntil.IsZero() }

// noteLateness lowers the priority when a timer of the Active was served too late.
func (r *router) noteLateness(now time.Time, by time.Duration) {
	if by <= lateBound*r.config.Interval || r.instance.State() != vrrp.Active {
		return
	}
	first := !r.late()
	r.lateUntil = now.Add(lateRecovery * r.config.Interval)
	if first {
		r.counters.yields.Add(1)
		_ = r.configure(now, r.config) // it was in force with another priority
	}
}

// recover gives the priority back.
func (r *router) recover(now time.Time) {
	r.lateUntil = time.Time{}
	if r.running {
		_ = r.configure(now, r.config) // as above
	}
}
