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
	"unique"

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
	limit    int

	stop context.CancelFunc
	done sync.WaitGroup
	wake chan struct{} // holds one token: look at the schedule again

	mu      sync.Mutex
	watched index
	queue   queue               // of watched, those whose check is not running
	changed map[*watch]struct{} // of watched, those that TakeChanged has to tell
	running int                 // checks that hold a place, those of removed targets included
	owed    bool                // OnChange is owed
	stats   Stats
}

// watch is one target under check. There may be 100,000, so its size counts: the specification is shared, and the next watch
// of the same address hangs on this one.
type watch struct {
	address netip.AddrPort
	spec    unique.Handle[health.Spec]
	law     health.Law
	latency time.Duration
	cancel  context.CancelFunc // ends the running check; nil while none runs
	next    *watch             // of the same address, in the index
	place   int32              // index in the queue; notQueued while its check runs
	removed bool               // the running check is of no interest any more
}

func (w *watch) target() health.Target {
	return health.Target{Address: w.address, Spec: w.spec.Value()}
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
		watched:  newIndex(),
		changed:  map[*watch]struct{}{},
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
