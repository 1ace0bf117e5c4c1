// SPDX-License-Identifier: Apache-2.0

package monitor

import (
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health"
)

// lateAfter is how long after its due time a check may start without being counted as late.
const lateAfter = 100 * time.Millisecond

const (
	// slackShare is the part of the interval that a check may wait for others that are due soon, so that they start together and the
	// monitor wakes seldom, and mostSlack bounds it. Few targets wake it seldom: with up to health.Few none waits.
	slackShare = 32
	mostSlack  = 5 * time.Millisecond
)

// run starts checks as they fall due, takes their results, and calls OnChange, until the Monitor is closed and the last check has ended.
func (m *Monitor) run() {
	var results []Result
	for {
		changed, next, more := m.turn(results)
		if changed && m.onChange != nil {
			m.onChange()
		}
		if !more {
			return
		}
		results = m.prober.Wait(next)
	}
}

// turn does what the time and results ask for. next is when it has to be done again, the zero time: when something ends; and more is false
// when there is nothing to do any more.
func (m *Monitor) turn(results []Result) (changed bool, next time.Time, more bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	for _, r := range results {
		changed = m.finish(now, r) || changed
	}
	m.endThose(now)
	if m.closed {
		return false, time.Time{}, m.places.used() > 0
	}
	for !m.places.full() {
		w := m.waiting.due(now)
		if w == nil {
			break
		}
		m.start(now, w)
	}
	return changed, m.next(), true
}

// start begins a check.
func (m *Monitor) start(now time.Time, w *watch) {
	m.stats.count(now.Sub(w.at))
	m.places.take(w)
	target := w.target()
	w.began = now
	m.running.push(w, now.Add(target.Spec.Timeout))
	m.prober.Start(int(w.place), target)
}

// finish takes the result of a check, and says whether State or Checked of a target changed.
func (m *Monitor) finish(now time.Time, r Result) (changed bool) {
	w := m.places.leave(r.Place)
	if w.queue != notQueued {
		m.running.remove(w)
	}
	if w.removed || m.closed {
		return false
	}
	w.latency = now.Sub(w.began)
	if w.law.Observe(now, r.Err) {
		m.changed[w] = struct{}{}
		changed = true
	}
	m.waiting.push(w, w.law.Due())
	return changed
}

// endThose ends the checks whose time is over, those whose result nobody wants, and all when the Monitor is closed.
func (m *Monitor) endThose(now time.Time) {
	for w := m.running.first(); w != nil && (m.closed || !w.at.After(now)); w = m.running.first() {
		m.end(w)
	}
	for _, w := range m.ending {
		if w.queue != notQueued {
			m.end(w)
		}
	}
	m.ending = m.ending[:0]
}

// end tells a running check to end.
func (m *Monitor) end(w *watch) {
	m.running.remove(w)
	m.prober.End(int(w.place))
}

// next is when the next check is due, or the time of one that runs is over. While all places are taken none can start.
func (m *Monitor) next() time.Time {
	var over, due time.Time
	if w := m.running.first(); w != nil {
		over = w.at
	}
	if w := m.waiting.first(); w != nil && !m.places.full() {
		due = w.at
		if m.watched.size > health.Few {
			due = due.Add(min(w.spec.Value().Interval/slackShare, mostSlack))
		}
	}
	if due.IsZero() || !over.IsZero() && over.Before(due) {
		return over
	}
	return due
}
