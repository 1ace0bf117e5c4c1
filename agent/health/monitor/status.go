// SPDX-License-Identifier: Apache-2.0

package monitor

import (
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health"
)

// State returns what is known of t; ok is false when t is not in the set.
func (m *Monitor) State(t health.Target) (status health.Status, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.watched.find(t)
	if w == nil {
		return health.Status{}, false
	}
	return w.status(), true
}

// TakeChanged returns the targets whose State, Checked or Weight changed since the last call, by a check or because Update let them
// go on from another specification's; each once, in no order. Targets that were removed since are left out, so there are
// never more than are watched.
func (m *Monitor) TakeChanged() []health.Target {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.changed) == 0 {
		return nil
	}
	targets := make([]health.Target, 0, len(m.changed))
	for w := range m.changed {
		targets = append(targets, w.target())
	}
	// A new map, because one that was cleared keeps the room of the worst day.
	m.changed = map[*watch]struct{}{}
	return targets
}

// Stats returns the counters, since New, and what runs now.
func (m *Monitor) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.stats
	s.Targets, s.Running, s.Stuck = m.watched.size, m.places.used(), len(m.places.stuck)
	return s
}

// Stats say how much the Monitor does, and whether it keeps up. All but Targets, Running and Stuck only grow.
type Stats struct {
	// Targets is how many targets are in the set.
	Targets int
	// Running is how many checks run now, without those of Stuck; MaxConcurrent bounds the sum of both.
	Running int
	// Stuck is how many checks run that were given up, because they did not end within GiveUpAfter when they were told to: a fault of their
	// Prober. Each takes up one of the places for the checks of all real servers.
	Stuck int
	// Turned is when the loop last looked at what there is to do: a few seconds ago, else it hangs.
	Turned time.Time
	// Started counts the checks started.
	Started uint64
	// Late counts those of Started that began more than 100 ms after they were due: MaxConcurrent was reached, or the
	// director lacks CPU. Removal of dead real servers is then slower than health.Spec.RemovalBound says.
	Late uint64
	// Lateness is the sum of what the Late ones were late.
	Lateness time.Duration
	// Inconclusive counts the checks that could not be made, or did not end, for a reason that lies in the director (health.ErrInconclusive):
	// their real servers stay as they are, the dead ones as well.
	Inconclusive uint64
	// WentUp and WentDown count the changes of a state by a check, the first of a target's life included.
	WentUp, WentDown uint64
}

// count takes the start of a check that was due late ago.
func (s *Stats) count(late time.Duration) {
	s.Started++
	if late > lateAfter {
		s.Late++
		s.Lateness += late
	}
}

func (w *watch) status() health.Status {
	return health.Status{
		State:   w.law.State(),
		Checked: w.law.Checked(),
		Since:   w.law.Since(),
		Reason:  w.law.LastReason(),
		Latency: w.latency,
		Weight:  w.weight,
	}
}
