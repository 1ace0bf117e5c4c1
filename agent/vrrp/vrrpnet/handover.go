// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// resign answers Runner.Stop. An Active sends priority 0 and listens for its successor; others have nothing to hand
// over.
func (r *router) resign(now time.Time) {
	if r.resigning || r.hasFinished() {
		return
	}
	offered := r.offers()
	if r.instance.State() != vrrp.Active && !offered {
		r.succeeded = true
		r.thread.drop(r)
		return
	}
	r.resigning, r.offering = true, offering{}
	r.resignAt = now.Add(r.config.Interval)
	r.act(now, r.instance.Shutdown(now))
	if offered {
		r.send(&r.resignation)
	}
}

// repeatResignation makes up for a lost packet. An interval is longer than any skew, so the repetition cannot postpone
// a Backup that heard the first one.
func (r *router) repeatResignation(now time.Time) {
	r.resignAt = now.Add(r.config.Interval)
	r.send(&r.resignation)
}

// giveUp ends a router that nobody took over from.
func (r *router) giveUp() {
	if !r.hasFinished() {
		r.thread.drop(r)
	}
}

func (r *router) hasFinished() bool {
	select {
	case <-r.finished:
		return true
	default:
		return false
	}
}
