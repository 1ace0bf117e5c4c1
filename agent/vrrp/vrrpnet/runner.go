// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
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
	// Config is the virtual router. Without a Source the interface's own is used. For IPv4 that is the first of global scope that is
	// not secondary, for IPv6 the first link-local one that is not tentative; neither one of Config.Addresses nor one that is marked
	// as another virtual router's (see plan.AddressProtocol, plan.Label). It is kept for as long as the interface has it.
	Config vrrp.Config
	// Resume says that the virtual addresses are on the interface as leftovers of a killed agent: see
	// vrrp.Instance.Start. It counts once, and only if the interface is usable when the kernel is first able to tell.
	Resume bool
	// OnTransition, if set, hears each new state, from the interface's thread: it must return at once and call no method of
	// the Runner but Announce. Start may call it before it returns; Stop does not cause a call. What it returns for Active is
	// announced as by Announce, with no other thread in between: it may have brought a few addresses itself.
	OnTransition func(vrrp.State) (there []netip.Addr)
	// OnRival, if set, hears of another director that advertises as Active while this one is, as OnTransition does; at most four times a
	// second. They see to that by VRRP: what is to be done is for hosts that have learnt where the other one is.
	OnRival func(source netip.Addr)
}

// Runner runs one virtual router on one interface until it is stopped. Its methods are safe for concurrent use.
type Runner struct {
	router *router
	thread *thread

	// toAnnounce are the addresses of an Announce that the thread has not come to yet.
	toAnnounce atomic.Pointer[[]netip.Addr]
}

// State returns the present state. While Stop or Yield waits for another director it is still Active, for so are the addresses.
func (r *Runner) State() vrrp.State { return vrrp.State(r.router.counters.state.Load()) }

// Fault returns why the interface cannot be used at present, which keeps the state in Initialize; nil if it can.
func (r *Runner) Fault() error {
	if fault := r.router.counters.fault.Load(); fault != nil {
		return *fault
	}
	return nil
}

// Stats returns what was counted so far.
func (r *Runner) Stats() Stats { return r.router.counters.snapshot() }

// Source is the address that advertisements are sent from; the zero value while the interface has none.
func (r *Runner) Source() netip.Addr {
	if source := r.router.counters.source.Load(); source != nil {
		return *source
	}
	return netip.Addr{}
}

// Predecessor is the director that was Active before this one. alive: it gave the role to this one, by resignation or preemption, and
// for a moment it goes on serving what reaches it; else it fell silent. The zero value: nobody was heard.
func (r *Runner) Predecessor() (source netip.Addr, alive bool) {
	before := r.router.counters.predecessor.Load()
	if before == nil {
		return netip.Addr{}, false
	}
	return before.source, before.alive && before.source.IsValid()
}

// Successor is the director that took over when this one was stopped; the zero value: nobody did, or it was not Active.
func (r *Runner) Successor() netip.Addr {
	if successor := r.router.counters.successor.Load(); successor != nil {
		return *successor
	}
	return netip.Addr{}
}

// Peers are the others that advertised with the router's id in the last half minute, by address; at most 16.
func (r *Runner) Peers() []Peer { return r.router.peers.list(time.Now()) }

// Standing returns how the router stands in its election. While Yield waits for another director it is a Backup's.
func (r *Runner) Standing() vrrp.Standing { return vrrp.Standing(r.router.counters.standing.Load()) }

// Watch has f called from the interface's thread whenever Standing has changed: f must return at once and call no method of the Runner
// but Announce and Standing. There is one watcher, the last one; nil: none.
func (r *Runner) Watch(f func()) {
	if f == nil {
		r.router.watcher.Store(nil)
		return
	}
	r.router.watcher.Store(&f)
}

// Announce says that these virtual addresses are on the interface now. If the runner is Active it announces each, as
// Config.Announcements says, and again whenever VRRP asks for it, until it is Active no more. In another state it does nothing. It
// does not wait.
func (r *Runner) Announce(addresses []netip.Addr) {
	addresses = slices.Clone(addresses)
	if r.toAnnounce.Swap(&addresses) != nil {
		return // the thread will find these in the place of the earlier ones
	}
	posted := r.thread.mail.post(func(now time.Time) {
		if latest := r.toAnnounce.Swap(nil); latest != nil && !r.router.hasFinished() {
			r.router.addressesReady(now, *latest)
		}
	})
	if !posted {
		r.toAnnounce.Store(nil)
	}
}

// Reconfigure changes the virtual router in place: see vrrp.Instance.Reconfigure for what may change, and what happens
// then. It returns when the change is in force. With an error nothing has changed.
func (r *Runner) Reconfigure(c vrrp.Config) error {
	if err := r.do(func(now time.Time) error { return r.router.reconfigure(now, c) }); err != nil {
		return fmt.Errorf("reconfigure VRRP on %s: %w", r.thread.name, err)
	}
	return nil
}

// Yield makes an Active offer its role: it says priority 0, again at each interval, and keeps its addresses until another director
// advertises; only then it is Backup. If none has when its own timer fires, it is Active as before, and nobody has heard of a
// transition. With Config.Waits that takes Claim, and an offer that is not claimed for as long once more ends as Backup. In another
// state nothing happens. Yield returns when the offer was made.
func (r *Runner) Yield() { _ = r.do(r.router.offer) } // a router that has stopped has no role

// Claim makes a Backup Active at once: see vrrp.Instance.Claim for what becomes of that. In another state nothing happens. Claim returns
// when the claim was made.
func (r *Runner) Claim() { _ = r.do(r.router.claim) } // as above

// StandBack makes the router take part with priority 1, whatever Reconfigure says, until it is called with false. It returns when that is
// in force.
func (r *Runner) StandBack(back bool) {
	_ = r.do(func(now time.Time) error { return r.router.standBack(now, back) }) // as above
}

// do has the thread do something for the router, and waits for it. ErrStopped: the router has ended.
func (r *Runner) do(f func(now time.Time) error) error {
	answer := make(chan error, 1)
	posted := r.thread.mail.post(func(now time.Time) {
		if r.router.hasFinished() {
			answer <- ErrStopped
			return
		}
		answer <- f(now)
	})
	if !posted {
		return ErrStopped
	}
	select {
	case err := <-answer:
		return err
	case <-r.router.finished:
		return ErrStopped
	}
}

// Stop ends the runner. An Active resigns with priority 0 and then goes on holding its place until another director
// advertises, so that the caller removes the virtual addresses only after Stop. If the context ends first Stop says so;
// the runner is stopped all the same. To stop a stopped runner returns nil.
func (r *Runner) Stop(ctx context.Context) error {
	if !r.thread.mail.post(func(now time.Time) { r.router.resign(now) }) {
		<-r.router.finished
		return nil
	}
	select {
	case <-r.router.finished:
		return nil
	case <-ctx.Done():
	}
	r.thread.mail.post(func(time.Time) { r.router.giveUp() })
	<-r.router.finished
	if r.router.succeeded {
		return nil
	}
	return fmt.Errorf("stop VRRP on %s: no other director has become Active: %w", r.thread.name, ctx.Err())
}
