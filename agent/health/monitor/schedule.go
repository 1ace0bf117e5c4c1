// SPDX-License-Identifier: Apache-2.0

package monitor

import (
	"context"
	"time"
)

// lateAfter is how long after its due time a check may start without being counted as late.
const lateAfter = 100 * time.Millisecond

// run starts checks as they fall due, and calls OnChange, until ctx ends.
func (m *Monitor) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-m.wake:
		case <-timer.C:
		}
		if m.takeOwed() && m.onChange != nil {
			m.onChange()
		}
		if wait, timed := m.startDue(ctx); timed {
			timer.Reset(wait)
		}
	}
}

// takeOwed says whether OnChange is owed, once.
func (m *Monitor) takeOwed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	owed := m.owed
	m.owed = false
	return owed
}

// startDue starts every check that is due, as far as places are free, and returns how long until the next one is due.
// timed is false when there is none to wait for by time: no target is queued, or an ending check must free a place first.
func (m *Monitor) startDue(ctx context.Context) (wait time.Duration, timed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.running < m.limit {
		now := time.Now()
		w := m.queue.due(now)
		if w == nil {
			break
		}
		m.start(ctx, w, now)
	}
	next, queued := m.queue.next()
	return time.Until(next), queued && m.running < m.limit
}

// start begins the check of w in a goroutine of its own. m.mu is held.
func (m *Monitor) start(ctx context.Context, w *watch, now time.Time) {
	m.running++
	m.stats.count(now.Sub(w.law.Due()))
	target := w.target()
	probe, cancel := context.WithTimeout(ctx, target.Spec.Timeout)
	w.cancel = cancel
	m.done.Go(func() {
		err := m.prober.Probe(probe, target)
		cancel()
		m.finish(ctx, w, now, err)
	})
}

// finish takes the result of a check of w that began at began.
func (m *Monitor) finish(ctx context.Context, w *watch, began time.Time, err error) {
	m.mu.Lock()
	defer m.wakeUp()
	defer m.mu.Unlock()
	m.running--
	if w.removed || ctx.Err() != nil {
		return
	}
	w.cancel = nil
	now := time.Now()
	w.latency = now.Sub(began)
	if w.law.Observe(now, err) {
		m.changed[w] = struct{}{}
		m.owed = true
	}
	m.queue.push(w)
}

// wakeUp makes run look at the schedule again. It never blocks: a token that is already there serves as well.
func (m *Monitor) wakeUp() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}
