// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// offering is a router's that offers its role. To the outside it is Active, for so are the addresses: its instance, a Backup, is the one
// that knows better.
type offering struct {
	offered bool
	// expired says that nobody has taken the role in time, and that the router waits to be claimed.
	expired bool
}

func (o *offering) offers() bool { return o.offered }

// offer answers Runner.Yield.
func (r *router) offer(now time.Time) error {
	if r.resigning || r.instance.State() != vrrp.Active {
		return nil
	}
	r.offering = offering{offered: true}
	r.resignAt = now.Add(r.config.Interval)
	r.act(now, r.instance.Yield(now))
	return nil
}

// claim answers Runner.Claim.
func (r *router) claim(now time.Time) error {
	r.act(now, r.instance.Claim(now))
	return nil
}

// standBack answers Runner.StandBack. It changes what is in force, which another priority does not make invalid.
func (r *router) standBack(now time.Time, back bool) error {
	if r.standsBack == back {
		return nil
	}
	r.standsBack = back
	if !r.running {
		return nil // inspect configures it
	}
	return r.configure(now, r.config)
}

// stillActive says whether a transition of the instance changes nothing for the outside: it is a part of an offer, or the end of one
// that nobody took.
func (r *router) stillActive(state vrrp.State) bool {
	if !r.offers() {
		return false
	}
	if state != vrrp.Backup {
		r.endOffer()
	}
	return state != vrrp.Initialize
}

func (r *router) endOffer() {
	r.offering, r.resignAt = offering{}, time.Time{}
}

// taken ends an offer because another director has advertised.
func (r *router) taken(now time.Time) {
	if r.offers() {
		r.endOffer()
		r.transition(now, vrrp.Backup)
	}
}

// untaken counts the times for which nobody took the role of a router that waits to be claimed. After the second one it is a Backup as
// any other: whoever decides for it does not want it to be Active.
func (r *router) untaken(now time.Time) {
	switch {
	case !r.offers():
	case r.expired:
		r.taken(now)
	default:
		r.expired = true
	}
}

// tellStanding makes a new standing known.
func (r *router) tellStanding() {
	standing := uint32(r.instance.Standing())
	if r.counters.standing.Swap(standing) == standing {
		return
	}
	if f := r.watcher.Load(); f != nil {
		(*f)()
	}
}
