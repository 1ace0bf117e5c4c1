// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// ErrStopped is returned for a request to a runner that has been stopped.
var ErrStopped = errors.New("runner is stopped")

// Options are what Start needs.
type Options struct {
	// Interface is the name of the interface whose link is shared with the other directors. It need not exist yet.
	Interface string
	// Config is the virtual router. Without a Source the interface's primary IPv4 address is used: the first of global
	// scope that is not secondary and neither one of Config.Addresses nor marked as another virtual router's (see
	// plan.AddressProtocol, plan.Label); it is kept for as long as the interface has it.
	Config vrrp.Config
	// Resume says that the virtual addresses are on the interface as leftovers of a killed agent: see
	// vrrp.Instance.Start. It counts once, and only if the interface is usable when the kernel is first able to tell.
	Resume bool
	// OnTransition, if set, hears each new state, from the runner's thread: it must return at once and call no method of
	// the Runner but Announce. Start may call it before it returns; Stop does not cause a call.
	OnTransition func(vrrp.State)
	// OnThread, if set, runs first on the runner's thread, before anything is opened there, for instance to enter
	// another network namespace. The thread ends with the runner. Its error is Start's.
	OnThread func() error
}

// Runner runs one virtual router on one interface until it is stopped. Its methods are safe for concurrent use.
type Runner struct {
	name     string
	counters *counters
	mail     *mailbox
	loop     *loop
	finished chan struct{}

	announcing atomic.Bool
}

// Start opens the sockets and begins to run, as Backup unless Options say otherwise. An interface that is absent, down
// or without an address is no error, nor is one of which the kernel cannot tell at present: the state is Initialize and
// Fault says why, until the interface is usable. An invalid configuration and a missing capability are errors.
func Start(o Options) (*Runner, error) {
	instance, err := vrrp.NewInstance(o.Config)
	if err != nil {
		return nil, fmt.Errorf("start VRRP on %s: %w", o.Interface, err)
	}
	mail, err := openMailbox()
	if err != nil {
		return nil, fmt.Errorf("start VRRP on %s: %w", o.Interface, err)
	}
	r := &Runner{name: o.Interface, counters: &counters{}, mail: mail, finished: make(chan struct{})}
	r.loop = newLoop(o, instance, r.counters, mail)
	started := make(chan error, 1)
	go r.run(o.OnThread, started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start VRRP on %s: %w", o.Interface, err)
	}
	return r, nil
}

// run is the runner's thread. It is never unlocked, so that the thread ends with it, whatever OnThread did to it.
func (r *Runner) run(onThread func() error, started chan<- error) {
	runtime.LockOSThread()
	defer close(r.finished)
	defer r.loop.close()
	if onThread != nil {
		if err := onThread(); err != nil {
			started <- fmt.Errorf("prepare thread: %w", err)
			return
		}
	}
	err := r.loop.open(time.Now())
	started <- err
	if err == nil {
		r.loop.run()
	}
}

// State returns the present state. While Stop waits for another director it is still Active, for so are the addresses.
func (r *Runner) State() vrrp.State { return vrrp.State(r.counters.state.Load()) }

// Fault returns why the interface cannot be used at present, which keeps the state in Initialize; nil if it can.
func (r *Runner) Fault() error {
	if fault := r.counters.fault.Load(); fault != nil {
		return *fault
	}
	return nil
}

// Stats returns what was counted so far.
func (r *Runner) Stats() Stats { return r.counters.snapshot() }

// Announce says that the virtual addresses are on the interface now. If the runner is Active it sends a gratuitous ARP
// for each, five times at once and five times after five seconds, and again whenever VRRP asks for it, until it is
// Active no more. In another state it does nothing. It does not wait.
func (r *Runner) Announce() {
	if r.announcing.Swap(true) {
		return
	}
	posted := r.mail.post(func(now time.Time) {
		r.announcing.Store(false)
		r.loop.addressesReady(now)
	})
	if !posted {
		r.announcing.Store(false)
	}
}

// Reconfigure changes the virtual router in place: see vrrp.Instance.Reconfigure for what may change, and what happens
// then. It returns when the change is in force. With an error nothing has changed.
func (r *Runner) Reconfigure(c vrrp.Config) error {
	answer := make(chan error, 1)
	err := ErrStopped
	if r.mail.post(func(now time.Time) { answer <- r.loop.reconfigure(now, c) }) {
		select {
		case err = <-answer:
		case <-r.finished:
		}
	}
	if err != nil {
		return fmt.Errorf("reconfigure VRRP on %s: %w", r.name, err)
	}
	return nil
}

// Stop ends the runner. An Active resigns with priority 0 and then goes on holding its place until another director
// advertises, so that the caller removes the virtual addresses only after Stop. If the context ends first Stop says so;
// the runner is stopped all the same. To stop a stopped runner returns nil.
func (r *Runner) Stop(ctx context.Context) error {
	if !r.mail.post(func(now time.Time) { r.loop.resign(now) }) {
		<-r.finished
		return nil
	}
	select {
	case <-r.finished:
		return nil
	case <-ctx.Done():
	}
	r.mail.post(func(time.Time) { r.loop.halt() })
	<-r.finished
	if r.loop.succeeded {
		return nil
	}
	return fmt.Errorf("stop VRRP on %s: no other director has become Active: %w", r.name, ctx.Err())
}
