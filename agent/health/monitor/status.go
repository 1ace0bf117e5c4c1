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
	w := m.watched[t]
	if w == nil {
		return health.Status{}, false
	}
	return w.status(), true
}

// Snapshot returns what is known of every target at one moment. The map is the caller's.
func (m *Monitor) Snapshot() map[health.Target]health.Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make(map[health.Target]health.Status, len(m.watched))
	for t, w := range m.watched {
		all[t] = w.status()
	}
	return all
}

// Warm says that every target of the set has finished its first check; so does an empty set. It ends when Set adds a
// target never checked: a caller that waits for it at start-up remembers that it came.
func (m *Monitor) Warm() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cold == 0
}

// Stats returns the counters, since New, and what runs now.
func (m *Monitor) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.stats
	s.Targets, s.Running = len(m.watched), m.running
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
