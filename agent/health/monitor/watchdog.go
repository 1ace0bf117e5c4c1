// SPDX-License-Identifier: Apache-2.0

package monitor

import (
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health"
)

// GiveUpAfter is how long a check may take to end once it has been told to. Then it is stuck: its place stays taken until its Prober returns
// a result, which nobody wants any more, and the real server is checked again in another place, unless that happened to MostStuck of its checks.
const GiveUpAfter = 5 * time.Second

// MostStuck is how many checks of one target may be stuck at the same time. Then it is not checked, which says nothing of it, until one of
// them ends: else it would take all places, one at each try, and the other targets would wait.
const MostStuck = 2

// stuck is the result of a check that was given up, or was not begun because those before it were.
type stuck struct{}

// Error says who is to blame.
func (stuck) Error() string {
	return "the check did not end within 5s after its timeout: this is a fault of the agent's, not of the real server"
}

// Unwrap is health.ErrInconclusive.
func (stuck) Unwrap() error { return health.ErrInconclusive }

// endThose ends the checks whose time is over, those whose result nobody wants, and all when the Monitor is closed; and it gives up those that
// did not end in time.
func (m *Monitor) endThose(now time.Time) {
	ending := m.ending
	if m.closed {
		ending = m.places.at
	}
	for _, w := range ending {
		if w != nil && w.place != noPlace && !w.told {
			m.end(now, w)
		}
	}
	m.ending = m.ending[:0]
	for w := m.running.first(); w != nil && !w.at.After(now); w = m.running.first() {
		if w.told {
			m.giveUp(now, w)
		} else {
			m.end(now, w)
		}
	}
}

// end tells a running check to end.
func (m *Monitor) end(now time.Time, w *watch) {
	m.running.remove(w)
	w.told = true
	m.running.push(w, now.Add(GiveUpAfter))
	m.prober.End(int(w.place))
}

// giveUp goes on without the check of a watch, which has been told to end and has not.
func (m *Monitor) giveUp(now time.Time, w *watch) {
	m.running.remove(w)
	m.places.giveUp(w)
	if !w.removed && !m.closed {
		m.observe(now, w, stuck{})
	}
}
