// SPDX-License-Identifier: Apache-2.0

package monitor

import (
	"errors"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health"
)

// lateAfter is how long after its due time a check may start without being counted as late.
const lateAfter = 100 * time.Millisecond

const (
	// slackShare is the part of the interval that a check may wait for others that are due soon, so that they start together and the
	// monitor turns seldom, and mostSlack bounds it. Few targets make it turn seldom: with up to health.Few none waits.
	slackShare = 32
	mostSlack  = 20 * time.Millisecond
)

// heartbeat is the most time from turn to turn: the loop looks at what there is to do even if nothing happens, so that Stats.Turned grows
// old only when it hangs.
const heartbeat = 5 * time.Second

// run starts checks as they fall due, takes their results, and calls OnChange, until the Monitor is closed and the last check has ended or
// was given up.
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

// turn does what the time and results ask for. next is when it has to be done again, or when something ends; and more is false when there
// is nothing to do any more.
func (m *Monitor) turn(results []Result) (changed bool, next time.Time, more bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	m.stats.Turned = now
	for _, r := range results {
		changed = m.finish(now, r) || changed
	}
	m.endThose(now)
	if m.closed {
		return false, m.next(now), m.places.used() > 0
	}
	changed = m.startDue(now) || changed
	return changed, m.next(now), true
}

// wait has a watch wait for its next check.
func (m *Monitor) wait(w *watch) {
	at := w.law.Due()
	if m.watched.size > health.Few {
		at = at.Add(min(max(0, w.law.Spec().Value().Interval/slackShare), mostSlack))
	}
	m.waiting.push(w, at)
}

// startDue begins the checks that are due, as soon as one of them can wait for others no longer.
func (m *Monitor) startDue(now time.Time) (changed bool) {
	w := m.waiting.first()
	if w == nil || w.at.After(now) {
		return false
	}
	for ; w != nil && !w.law.Due().After(now) && !m.places.full(); w = m.waiting.first() {
		m.waiting.remove(w)
		if w.stuck < MostStuck {
			m.start(w)
		} else {
			changed = m.observe(now, w, stuck{}) || changed
		}
	}
	return changed
}

// start begins a check.
func (m *Monitor) start(w *watch) {
	// Those of one turn begin one after another, and each has its whole timeout.
	now := m.now()
	m.stats.count(now.Sub(w.law.Due()))
	m.places.take(w)
	target := w.target()
	w.began, w.told = now, false
	m.running.push(w, now.Add(target.Spec.Timeout))
	m.prober.Start(int(w.place), target)
}

// finish takes the result of a check, and says whether State, Checked or Weight of a target changed.
func (m *Monitor) finish(now time.Time, r Result) (changed bool) {
	w := m.places.leave(r.Place)
	if w == nil {
		return false
	}
	m.running.remove(w)
	if w.removed || m.closed {
		return false
	}
	w.latency = now.Sub(w.began)
	weighed := m.weigh(w, r)
	return m.observe(now, w, r.Err) || weighed
}

// weigh takes over the weight that an answer gives, and says whether it is another one. A failed check says nothing of it.
func (m *Monitor) weigh(w *watch, r Result) (changed bool) {
	if r.Err != nil || r.Weight == w.weight {
		return false
	}
	w.weight = r.Weight
	m.changed[w] = struct{}{}
	return true
}

// observe lets the law judge what became of a check, and makes the next one wait.
func (m *Monitor) observe(now time.Time, w *watch, result error) (changed bool) {
	if errors.Is(result, health.ErrInconclusive) {
		m.stats.Inconclusive++
	}
	before := w.law.State()
	if w.law.Observe(now, result) {
		m.changed[w] = struct{}{}
		changed = true
	}
	if w.law.State() != before {
		m.transition(w)
	}
	m.wait(w)
	return changed
}

// next is when the next check is due, or the time of one that runs is over, and a heartbeat after now at the latest. While all places are
// taken none can start.
func (m *Monitor) next(now time.Time) time.Time {
	next := now.Add(heartbeat)
	if w := m.running.first(); w != nil && w.at.Before(next) {
		next = w.at
	}
	if w := m.waiting.first(); w != nil && w.at.Before(next) && !m.places.full() && !m.closed {
		next = w.at
	}
	return next
}
