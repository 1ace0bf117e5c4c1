// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// pulseEvery is how often a thread wants to be woken.
const pulseEvery = 20 * time.Millisecond

// pulse tells whether the machine stood still: a thread that sleeps, and does nothing else, notes how late it wakes. Nothing that the
// stage's own programs do keeps it from waking; a host that gives an emulated machine's processors to others does.
type pulse struct {
	mu    sync.Mutex
	since time.Time
	still Standstill
	ended bool
}

// Standstill is how long a machine stood still.
type Standstill struct {
	// Total within Of, and Longest at once.
	Total, Longest, Of time.Duration
}

// A machine that stands still for longer than this at once, or for more than this part of the time, shows nothing about times.
const (
	longestStandstill = 250 * time.Millisecond
	standstillShare   = 4
)

// Disturbs says that what was measured meanwhile speaks of the machine.
func (s Standstill) Disturbs() bool {
	return s.Longest > longestStandstill || s.Total > s.Of/standstillShare
}

func (s Standstill) String() string {
	return fmt.Sprintf("%.2f of %.2f s, %.2f s at once", s.Total.Seconds(), s.Of.Seconds(), s.Longest.Seconds())
}

func startPulse() *pulse {
	p := &pulse{since: time.Now()}
	go p.run()
	return p
}

func (p *pulse) run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	sleep := unix.NsecToTimespec(int64(pulseEvery))
	for last := time.Now(); ; {
		_ = unix.Nanosleep(&sleep, nil)
		now := time.Now()
		if p.beat(now.Sub(last) - pulseEvery) {
			return
		}
		last = now
	}
}

// beat notes a lateness, and says whether it was the last one. What is less than half the time between two is the scheduler's.
func (p *pulse) beat(late time.Duration) (ended bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if late > pulseEvery/2 {
		p.still.Total += late
		p.still.Longest = max(p.still.Longest, late)
	}
	return p.ended
}

// take is the standstill since the last call.
func (p *pulse) take() Standstill {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	still := p.still
	still.Of = now.Sub(p.since)
	p.since, p.still = now, Standstill{}
	return still
}

func (p *pulse) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
}
