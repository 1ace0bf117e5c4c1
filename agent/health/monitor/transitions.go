// SPDX-License-Identifier: Apache-2.0

package monitor

import "github.com/lvs-operator/lvs-operator/agent/health"

// MostTransitions is how many changes of a state are kept for TakeTransitions.
const MostTransitions = 20

// Transition is one change of a target's state by a check.
type Transition struct {
	Target health.Target
	// To is the new state: health.Up or health.Down.
	To health.State
	// Reason is why the check failed; empty when it passed.
	Reason string
}

// Transitions are changes of states.
type Transitions struct {
	// First are the first ones, at most MostTransitions, in their order.
	First []Transition
	// MoreUp and MoreDown count those after the first.
	MoreUp, MoreDown int
}

// TakeTransitions returns what checks changed since the last call. Other than TakeChanged it tells each change, also those of targets that
// were removed since or have changed again.
func (m *Monitor) TakeTransitions() Transitions {
	m.mu.Lock()
	defer m.mu.Unlock()
	news := m.news
	m.news = Transitions{}
	return news
}

// transition notes that a check has changed the state of a watch.
func (m *Monitor) transition(w *watch) {
	up := w.law.State() == health.Up
	if up {
		m.stats.WentUp++
	} else {
		m.stats.WentDown++
	}
	switch {
	case len(m.news.First) < MostTransitions:
		m.news.First = append(m.news.First, Transition{Target: w.target(), To: w.law.State(), Reason: w.law.LastReason()})
	case up:
		m.news.MoreUp++
	default:
		m.news.MoreDown++
	}
}
