// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"errors"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// router is one virtual router on its thread. Only the thread calls its methods.
type router struct {
	thread   *thread
	options  Options
	config   vrrp.Config // as the caller gave it; the instance's has the Source in use
	instance *vrrp.Instance
	counters *counters
	peers    *peers
	// source is the address to send from, zero while there is none.
	source netip.Addr
	// running says that the interface is usable and the instance was started.
	running bool
	// due is the deadline under which the router stands in the thread's timers, at the place timed.
	due     time.Time
	timed   int
	resume  bool // the first run on the interface is to be a resumption
	retryAt time.Time
	lateness

	// heard is who last advertised as Active, and when; rivalAt is when OnRival was called last.
	heard   netip.Addr
	heardAt time.Time
	rivalAt time.Time

	advertisement, resignation outgoing

	announcer announcer
	// announced are the virtual addresses that are on the interface, as Announce said; none: they are not there yet.
	announced []netip.Addr

	resigning bool
	offering
	resignAt  time.Time // when priority 0 is repeated
	succeeded bool      // another director is Active, or none was needed
	finished  chan struct{}
	// standsBack says that the router takes part with the lowest priority.
	standsBack bool
	// watcher, if set, hears that the standing has changed.
	watcher atomic.Pointer[func()]
}

func newRouter(t *thread, o Options, instance *vrrp.Instance) *router {
	r := &router{
		thread: t, options: o, config: instance.Config(), instance: instance, counters: &counters{}, peers: &peers{}, resume: o.Resume, timed: notTimed,
		finished: make(chan struct{}),
	}
	r.counters.standing.Store(uint32(vrrp.Faulty))
	return r
}

// next is the earliest of the router's timers; the zero time says that none runs.
func (r *router) next() time.Time {
	next := earlier(r.instance.Deadline(), r.announcer.deadline())
	return earlier(next, earlier(r.resignAt, earlier(r.retryAt, r.lateUntil)))
}

// receive takes one good advertisement of this router's id.
func (r *router) receive(now time.Time, source netip.Addr, a *vrrp.Advertisement) {
	wasActive := r.instance.State() == vrrp.Active
	actions, err := r.instance.Receive(now, source, a)
	if err != nil {
		r.discard(now, source, err)
		return
	}
	r.counters.received.Add(1)
	r.peers.hear(Peer{Source: source, Priority: a.Priority, Heard: now})
	r.heard, r.heardAt = source, now
	claims := a.Priority != vrrp.PriorityResign
	if wasActive && claims {
		r.counters.rivals.Add(1)
		r.tellRival(now, source)
	}
	if r.resigning && claims {
		r.succeeded = true
		successor := source // only here is memory needed
		r.counters.successor.Store(&successor)
		r.thread.drop(r)
		return
	}
	r.counters.follow(r.instance.ActiveSource())
	if claims {
		r.taken(now)
	}
	r.act(now, actions)
}

func (r *router) discard(now time.Time, source netip.Addr, err error) {
	reason, ok := err.(vrrp.Discard) //nolint:errorlint // never wrapped, and allocation-free
	if !ok || reason >= vrrp.DiscardLimit {
		return
	}
	r.counters.discarded[reason].Add(1)
	if reason != vrrp.ErrOwnSource {
		r.peers.hear(Peer{Source: source, Discarded: reason, Heard: now})
	}
}

func (r *router) tick(now time.Time) {
	if deadline := r.instance.Deadline(); !deadline.IsZero() && !now.Before(deadline) {
		late := now.Sub(deadline)
		r.counters.late(late)
		r.noteLateness(now, late)
		r.act(now, r.instance.Tick(now))
	}
	if !r.lateUntil.IsZero() && !now.Before(r.lateUntil) {
		r.recover(now)
	}
	if !r.resignAt.IsZero() && !now.Before(r.resignAt) {
		r.repeatResignation(now)
	}
	if !r.retryAt.IsZero() && !now.Before(r.retryAt) {
		r.retry(now)
	}
	r.announce(now)
}

// act does what the instance asks for, in the order of RFC 9568 section 6.4: the packet first.
func (r *router) act(now time.Time, actions vrrp.Actions) {
	if actions.Has(vrrp.Advertise) {
		r.send(&r.advertisement)
	}
	if actions.Has(vrrp.Resign) {
		r.send(&r.resignation)
	}
	r.counters.follow(r.instance.ActiveSource())
	if actions.Has(vrrp.Transition) {
		r.transition(now, r.instance.State())
	}
	if actions.Has(vrrp.Announce) && len(r.announced) > 0 {
		r.startAnnouncing(now)
	}
	if actions.Has(vrrp.Want) {
		r.untaken(now)
	}
	r.tellStanding()
}

// transition makes a new state known. While resigning the router still stands as Active, see Runner.State; so does one that offers
// its role.
func (r *router) transition(now time.Time, state vrrp.State) {
	if r.stillActive(state) {
		r.announcer.stop()
		return
	}
	r.counters.transitions.Add(1)
	if state == vrrp.Active {
		r.counters.activations.Add(1)
		// One that fell silent is dead.
		r.counters.predecessor.Store(&predecessor{r.heard, now.Sub(r.heardAt) < 2*r.config.Interval})
	} else {
		r.announced = nil
		r.announcer.stop()
	}
	if r.resigning {
		return
	}
	r.counters.state.Store(uint32(state))
	if r.options.OnTransition == nil {
		return
	}
	if there := r.options.OnTransition(state); len(there) > 0 {
		r.addressesReady(now, there)
	}
}

// rivalPause is the shortest time between two calls of Options.OnRival.
const rivalPause = 250 * time.Millisecond

func (r *router) tellRival(now time.Time, source netip.Addr) {
	if r.options.OnRival != nil && now.Sub(r.rivalAt) >= rivalPause {
		r.rivalAt = now
		r.options.OnRival(source)
	}
}

// errAlone says that a router would fall back on multicast.
var errAlone = errors.New("no unicast peer is left but this director itself: give the addresses of the others")

// send sends what was made before.
func (r *router) send(packet *outgoing) {
	raw, packets := r.thread.raw[familyIndex(r.config.Family())], r.thread.packets
	if raw == nil || packets == nil || len(packet.to) == 0 {
		return
	}
	fd := raw.fd
	if packet.framed {
		fd = packets.fd
	}
	sent, err := packet.send(fd)
	r.counters.sent.Add(sent)
	if err != nil {
		r.counters.sendFailed(err)
	}
}

// configure puts what the caller gave in force, with the source in use and with what lateness takes from the priority. It makes
// the packets first: an Active advertises the change at once.
func (r *router) configure(now time.Time, given vrrp.Config) error {
	c := given
	c.Source = r.source
	c.Peers = slices.DeleteFunc(slices.Clone(given.Peers), func(peer netip.Addr) bool { return peer == r.source })
	if len(given.Peers) > 0 && len(c.Peers) == 0 {
		return errAlone
	}
	if r.late() || r.standsBack {
		c.Priority = lastPriority
	}
	// On the instance's own terms first: what it refuses must not reach a packet.
	trial, err := vrrp.NewInstance(c)
	if err != nil {
		return err
	}
	if c.Source.IsValid() {
		err = errors.Join(
			r.advertisement.prepare(trial.Advertisement(), c, r.thread.link.index),
			r.resignation.prepare(trial.Resignation(), c, r.thread.link.index),
		)
		if err != nil {
			return err
		}
	}
	actions, err := r.instance.Reconfigure(now, c)
	if err != nil {
		return err
	}
	r.config = given
	r.act(now, actions)
	return nil
}

// finish ends the router: nobody hears of it any more.
func (r *router) finish() {
	r.counters.state.Store(uint32(vrrp.Initialize))
	r.counters.standing.Store(uint32(vrrp.Faulty))
	r.counters.follow(netip.Addr{})
	close(r.finished)
}
