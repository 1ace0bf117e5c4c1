// SPDX-License-Identifier: Apache-2.0

// Package monitor runs the checks of all real servers of one director on time, on Go timers and goroutines, and keeps
// what they say; it never decides by itself whether a real server is up (package health does), and never touches IPVS.
//
// One goroutine holds the times of all targets in a heap. A target costs a goroutine and a timer only while its check
// runs, so ten thousand targets at rest cost one timer.
package monitor

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health"
)

// DefaultMaxConcurrent is how many checks run at the same time unless Options say otherwise. It is large because a check
// of a dead real server holds its place for its whole timeout: this many real servers may hang before a living one waits.
const DefaultMaxConcurrent = 4096

// Prober makes one check.
type Prober interface {
	// Probe returns nil when t passed, else an error whose text is the reason. It must return soon after ctx ends, which
	// is t.Spec.Timeout after the start, or earlier when the target is removed. It is called concurrently.
	Probe(ctx context.Context, t health.Target) error
}

// Options are what a Monitor needs.
type Options struct {
	// Prober makes the checks. Required.
	Prober Prober
	// OnChange is called after State or Checked of any target changed by a check; several changes may share one call, and
	// calls never overlap. No lock is held, so it may read the Monitor; it must not block, because checks start late
	// meanwhile, and it must not call Close. Set does not cause a call. May be nil.
	OnChange func()
	// MaxConcurrent bounds the checks that run at the same time; 0 or less means DefaultMaxConcurrent.
	MaxConcurrent int
}

// Initial is how a target begins that the Monitor has not checked before.
type Initial uint8

const (
	// StartDown begins as health.Unknown: down until the first check passes.
	StartDown Initial = iota
	// AdoptUp begins as health.Up: the real server was found with weight in the kernel, so only failed checks remove it.
	AdoptUp
)

func (i Initial) state() health.State {
	if i == AdoptUp {
		return health.Up
	}
	return health.Unknown
}

// Monitor checks a set of targets. All its methods are safe for concurrent use.
type Monitor struct {
	prober   Prober
	onChange func()
	limit    int

	stop context.CancelFunc
	done sync.WaitGroup
	wake chan struct{} // holds one token: look at the schedule again

	mu      sync.Mutex
	watched map[health.Target]*watch
	queue   queue // of watched, those whose check is not running
	cold    int   // of watched, those not Checked
	running int   // checks that hold a place, those of removed targets included
	changed bool  // OnChange is owed
	stats   Stats
}

// watch is one target under check.
type watch struct {
	target  health.Target
	law     health.Law
	latency time.Duration
	place   int                // index in the queue; notQueued while its check runs
	cancel  context.CancelFunc // ends the running check; nil while none runs
	removed bool               // the running check is of no interest any more
}

// New starts a Monitor with no targets. Close it to release its goroutines.
func New(o Options) *Monitor {
	if o.MaxConcurrent <= 0 {
		o.MaxConcurrent = DefaultMaxConcurrent
	}
	ctx, stop := context.WithCancel(context.Background())
	m := &Monitor{
		prober:   o.Prober,
		onChange: o.OnChange,
		limit:    o.MaxConcurrent,
		stop:     stop,
		wake:     make(chan struct{}, 1),
		watched:  map[health.Target]*watch{},
	}
	m.done.Go(func() { m.run(ctx) })
	return m
}

// Close ends all checks and returns when the last has ended. Afterwards nothing is checked, OnChange is not called, and
// the states stay as they were. Closing twice is no error.
func (m *Monitor) Close() {
	m.stop()
	m.done.Wait()
}

// Set makes targets the set that is checked. A target already in the set goes on undisturbed, whatever its Initial. One
// that left is forgotten. A new one whose address was under check by another specification goes on from the state, the
// failed tries and the time of that one; any other begins as its Initial says and is checked at once (see health.Jitter).
// The map is not kept. Every Spec should have passed Validate.
func (m *Monitor) Set(targets map[health.Target]Initial) {
	m.mu.Lock()
	defer m.wakeUp()
	defer m.mu.Unlock()

	added := m.missing(targets)
	predecessors := m.predecessors(added, targets)
	for t, w := range m.watched {
		if _, kept := targets[t]; !kept {
			m.remove(w)
		}
	}
	fresh := 0
	for _, t := range added {
		if predecessors[t.Address] == nil {
			fresh++
		}
	}
	now := time.Now()
	for _, t := range added {
		w := &watch{target: t}
		if p := predecessors[t.Address]; p != nil {
			w.law, w.latency = p.law, p.latency
			w.law.Respec(now, t.Spec)
		} else {
			w.law = health.NewLaw(t.Spec, targets[t].state(), now, health.Jitter(t, fresh))
		}
		m.add(w)
	}
}

// missing returns the targets that are not watched.
func (m *Monitor) missing(targets map[health.Target]Initial) []health.Target {
	var added []health.Target
	for t := range targets {
		if m.watched[t] == nil {
			added = append(added, t)
		}
	}
	return added
}

// predecessors finds for the address of each added target the watch, if any, whose life it goes on with.
func (m *Monitor) predecessors(added []health.Target, targets map[health.Target]Initial) map[netip.AddrPort]*watch {
	found := make(map[netip.AddrPort]*watch, len(added))
	for _, t := range added {
		found[t.Address] = nil
	}
	if len(found) == 0 {
		return found
	}
	for t, w := range m.watched {
		best, wanted := found[t.Address]
		if wanted && (best == nil || precedes(w, best, targets)) {
			found[t.Address] = w
		}
	}
	return found
}

// precedes says whether a is the better predecessor of two: the one that is about to leave, for that one was changed;
// else the one in the better state, for a changed specification is no reason to take a real server out; else the older.
func precedes(a, b *watch, targets map[health.Target]Initial) bool {
	_, aStays := targets[a.target]
	_, bStays := targets[b.target]
	switch {
	case aStays != bStays:
		return bStays
	case a.law.State() != b.law.State():
		return a.law.State() > b.law.State()
	default:
		return a.law.Since().Before(b.law.Since())
	}
}

func (m *Monitor) add(w *watch) {
	m.watched[w.target] = w
	m.queue.push(w)
	if !w.law.Checked() {
		m.cold++
	}
}

func (m *Monitor) remove(w *watch) {
	delete(m.watched, w.target)
	if !w.law.Checked() {
		m.cold--
	}
	if w.cancel == nil {
		m.queue.remove(w)
		return
	}
	w.removed = true
	w.cancel()
}
