// SPDX-License-Identifier: Apache-2.0

// Package monitortest has a monitor.Prober for tests, which waits as time in a synctest bubble allows it: it never opens a socket.
package monitortest

import (
	"context"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
	"github.com/lvs-operator/lvs-operator/agent/health/probe"
)

// Prober is a monitor.Prober whose checks are calls of one function.
type Prober struct {
	check   probe.Call
	calls   *probe.Calls
	wake    chan struct{}
	results []monitor.Result
}

// New returns a Prober that checks by calling check, whose context ends when the check's time is over.
func New(check func(context.Context, health.Target) error) *Prober {
	return NewWeighing(probe.Weightless(check))
}

// NewWeighing is New for checks whose answers give weights.
func NewWeighing(check probe.Call) *Prober {
	p := &Prober{check: check, wake: make(chan struct{}, 1)}
	p.calls = probe.NewCalls(p.Wake)
	return p
}

// Start implements monitor.Prober.
func (p *Prober) Start(place int, t health.Target) { p.calls.Start(place, t, p.check) }

// End implements monitor.Prober.
func (p *Prober) End(place int) { p.calls.End(place) }

// Wait implements monitor.Prober.
func (p *Prober) Wait(until time.Time) []monitor.Result {
	if p.results = p.calls.Take(p.results[:0]); len(p.results) > 0 {
		return p.results
	}
	var over <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-p.wake:
	case <-over:
	}
	p.results = p.calls.Take(p.results)
	return p.results
}

// Wake implements monitor.Prober.
func (p *Prober) Wake() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}
