// SPDX-License-Identifier: Apache-2.0

// Package monitor runs the checks of all real servers of one director on time and keeps what they say; it never decides by itself whether
// a real server is up (package health does), never opens a socket (its Prober does), and never touches IPVS.
//
// One goroutine holds the times of all targets in a heap, starts what is due, and waits for what ends. A target costs a place among the
// running checks only while its check runs.
package monitor

import (
	"net/netip"
	"sync"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// DefaultMaxConcurrent is how many checks run at the same time unless Options say otherwise. It is large because a check
// of a dead real server holds its place for its whole timeout: this many real servers may hang before a living one waits.
const DefaultMaxConcurrent = 4096

// Prober makes checks, many at a time. Only the Monitor's goroutine calls it, apart from Wake.
type Prober interface {
	// Start begins a check of t in a place where none runs, from 0 to Options.MaxConcurrent - 1. It does not block.
	Start(place int, t health.Target)
	// End makes the check that runs in a place end: its time is over, or nobody wants to know its result any more. The result comes from
	// Wait all the same, within GiveUpAfter: later it is thrown away, and until then nothing begins in its place. It does not block.
	End(place int)
	// Wait returns what has ended, each check once. Where nothing has it waits, until the moment given at most (the zero time: for as long
	// as it takes), or until Wake. What it returns is good until the next call.
	Wait(until time.Time) []Result
	// Wake makes the Wait that runs, or else the next one, return. It may be called at any time, by anybody, and does not block.
	Wake()
}

// Result is what became of the check in a place.
type Result struct {
	Place int
	// Err is nil when the check passed, else an error whose text is the reason.
	Err error
	// Weight is what the answer gives.
	Weight check.Weight
}

// Options are what a Monitor needs.
type Options struct {
	// Prober makes the checks. Required, and not shared.
	Prober Prober
	// OnChange is called after State, Checked or Weight of any target changed by a check; several changes may share one call, and
	// calls never overlap. No lock is held, so it may read the Monitor; it must not block, because checks start late
	// meanwhile, and it must not call Close. TakeChanged says which targets. Update does not cause a call. May be nil.
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
	done     sync.WaitGroup

	// read is when both clocks were read last: see now.
	read time.Time

	mu      sync.Mutex
	closed  bool
	watched index
	waiting queue               // of watched, those whose check is not running, by when it is to begin at the latest
	running queue               // those whose check runs, by when its time is over, or it is given up if it has been told to end
	ending  []*watch            // removed ones whose check still has to be told to end
	places  places              // of the checks that run
	changed map[*watch]struct{} // of watched, those that TakeChanged has to tell
	news    Transitions         // that TakeTransitions has to tell
	stats   Stats
}

// watch is one target under check. There may be 100,000, so its size counts: the next watch of the same address hangs on this one.
type watch struct {
	address netip.AddrPort
	law     health.Law
	latency time.Duration
	weight  check.Weight // of the last passed check
	next    *watch       // of the same address, in the index

	at    time.Time // in waiting, when the check begins at the latest; in running, when its time is over, or it is given up
	began time.Time // of the check that runs
	queue int32     // the index in waiting or running; notQueued: it is in neither
	place int32     // of the check that runs; noPlace: none does
	stuck uint8     // how many checks of it were given up and have not ended
	// removed says that nobody wants to know the result of the check that runs, and told that it has been told to end.
	removed, told bool
}

func (w *watch) target() health.Target {
	return health.Target{Address: w.address, Spec: w.law.Spec().Value()}
}

// New starts a Monitor with no targets. Close it to release its goroutine.
func New(o Options) *Monitor {
	if o.MaxConcurrent <= 0 {
		o.MaxConcurrent = DefaultMaxConcurrent
	}
	m := &Monitor{
		prober: o.Prober, onChange: o.OnChange, watched: newIndex(), places: places{most: o.MaxConcurrent, stuck: map[int]*watch{}},
		changed: map[*watch]struct{}{}, read: time.Now(),
	}
	m.stats.Turned = m.read
	m.done.Go(m.run)
	return m
}

// now is the time, for the loop alone. It reads the monotonic clock, and the other one, as time.Now does each time, once a second: where the
// kernel has no fast clock each is a system call.
func (m *Monitor) now() time.Time {
	since := time.Since(m.read)
	if since > time.Second {
		m.read = time.Now()
		return m.read
	}
	return m.read.Add(since)
}

// Close ends all checks and returns when the last has ended, or after GiveUpAfter: a check that has not ended by then may still run, and
// its Prober must bear that it ends when nobody waits any more. Afterwards nothing is checked, OnChange is not called, and the states stay
// as they were. Closing twice is no error.
func (m *Monitor) Close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	m.prober.Wake()
	m.done.Wait()
}
