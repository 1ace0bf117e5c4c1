// SPDX-License-Identifier: Apache-2.0

package monitor

import (
	"net/netip"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health"
)

// Update changes what is checked: the targets of remove are forgotten, those of add are checked from now on. It costs in
// proportion to add and remove, not to all that is watched. Targets that start together belong into one call: their number
// decides over how much time their first checks are spread.
//
// A target of add that is already watched goes on undisturbed, whatever its Initial, and even if remove names it too. A new
// one whose address was under check by another specification goes on from the state, the failed tries and the time of that
// one; any other begins as its Initial says and is checked at once (see health.Jitter). Removing what is not watched does
// nothing. Neither argument is kept. Every Spec should have passed Validate.
func (m *Monitor) Update(add map[health.Target]Initial, remove []health.Target) {
	m.mu.Lock()
	defer m.prober.Wake()
	defer m.mu.Unlock()

	leaving := m.leaving(add, remove)
	for _, w := range m.newcomers(add, leaving) {
		m.watched.add(w)
		m.wait(w)
	}
	for w := range leaving {
		m.remove(w)
	}
}

// leaving returns the watches of the targets that remove names and add does not.
func (m *Monitor) leaving(add map[health.Target]Initial, remove []health.Target) map[*watch]bool {
	leaving := make(map[*watch]bool, len(remove))
	for _, t := range remove {
		if _, stays := add[t]; stays {
			continue
		}
		if w := m.watched.find(t); w != nil {
			leaving[w] = true
		}
	}
	return leaving
}

// newcomers makes a watch for each target of add that has none. All predecessors are found before the first newcomer is
// added, so that none goes on from another newcomer.
func (m *Monitor) newcomers(add map[health.Target]Initial, leaving map[*watch]bool) []*watch {
	now := time.Now()
	var all []*watch
	var fresh []health.Target
	for t := range add {
		if m.watched.find(t) != nil {
			continue
		}
		if p := m.predecessor(t, leaving); p != nil {
			w := newWatch(t.Address, p.law)
			w.latency, w.weight = p.latency, p.weight
			w.law.Respec(now, t.Spec)
			// A change of p that nobody has taken yet is lost with p.
			m.changed[w] = struct{}{}
			all = append(all, w)
		} else {
			fresh = append(fresh, t)
		}
	}
	for _, t := range fresh {
		all = append(all, newWatch(t.Address, health.NewLaw(t.Spec, add[t].state(), now, health.Jitter(t, len(fresh)))))
	}
	return all
}

func newWatch(address netip.AddrPort, law health.Law) *watch {
	return &watch{address: address, law: law, queue: notQueued, place: noPlace}
}

// predecessor is the watch whose life a newcomer goes on with: one of its address that is about to leave, or that makes the same check by the
// same way, at other times. What another check says of the real server proves nothing of this one. nil: there is none.
func (m *Monitor) predecessor(newcomer health.Target, leaving map[*watch]bool) *watch {
	var best *watch
	for w := m.watched.of(newcomer.Address); w != nil; w = w.next {
		spec := w.law.Spec().Value()
		related := leaving[w] || spec.Check == newcomer.Spec.Check && spec.Via == newcomer.Spec.Via
		if related && (best == nil || precedes(w, best, leaving)) {
			best = w
		}
	}
	return best
}

// precedes says whether a is the better predecessor of two: the one that is about to leave, for that one was changed;
// else the one in the better state, for a changed specification is no reason to take a real server out; else the older.
func precedes(a, b *watch, leaving map[*watch]bool) bool {
	switch {
	case leaving[a] != leaving[b]:
		return leaving[a]
	case a.law.State() != b.law.State():
		return a.law.State() > b.law.State()
	default:
		return a.law.Since().Before(b.law.Since())
	}
}

func (m *Monitor) remove(w *watch) {
	m.watched.remove(w)
	delete(m.changed, w)
	if w.place == noPlace {
		m.waiting.remove(w)
		return
	}
	w.removed = true
	m.ending = append(m.ending, w)
}
