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

// TakeChanged returns the targets whose State or Checked changed since the last call, by a check or because Update let them
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
	s.Targets, s.Running = m.watched.size, m.places.used()
	return s
}

// Stats say how much the Monitor does, and whether it keeps up. All but Targets and Running only grow.
type Stats struct {
	// Targets is how many targets are in the set.
	Targets int
	// Running is how many checks run now; MaxConcurrent bounds it.
	Running int
	// Started counts the checks started.
	Started uint64
	// Late counts those of Started that began more than 100 ms after they were due: MaxConcurrent was reached, or the
	// director lacks CPU. Removal of dead real servers is then slower than health.Spec.RemovalBound says.
	Late uint64
	// Lateness is the sum of what the Late ones were late.
	Lateness time.Duration
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
	}
}
