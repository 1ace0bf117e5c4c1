// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

const (
	// firstOfferPause is the time between the first offer of a lowered Active and the second one. From then on it doubles up to
	// longestOfferPause: a director that comes later gets the role, and where all are lowered it rarely goes round.
	firstOfferPause   = 30 * time.Second
	longestOfferPause = time.Hour
)

// offer is when a lowered Active offers its role where nobody preempts it. The zero value is that of a router that is not lowered.
type offer struct {
	due time.Time
	// pause is the one after that.
	pause time.Duration
}

// offerLowered has the routers offer their role that are lowered and Active without preemption: at once when they are lowered, and
// again after a pause while that lasts.
func (rs *routers) offerLowered(now time.Time) {
	for _, r := range rs.sorted() {
		if r.running == nil || r.wanted.Preempt || !r.leaving && rs.fitnessOf(r) == fit {
			r.offer = offer{}
			continue
		}
		if r.offer.pause == 0 {
			r.offer = offer{due: now, pause: firstOfferPause}
		}
		switch {
		case r.running.State() != vrrp.Active:
			// Should it become Active, for want of another one, that is not at once undone.
			r.offer.due = now.Add(r.offer.pause)
		case !now.Before(r.offer.due):
			rs.log.Info("the VRRP priority is lowered and nobody preempts: this director offers its role", "group", r.key.group,
				"interface", r.key.interfaceName, "virtualRouterID", r.key.id)
			r.running.Yield()
			r.offer = offer{due: now.Add(r.offer.pause), pause: min(2*r.offer.pause, longestOfferPause)}
		}
	}
}

// offerDue is when the next role is offered; the zero time: no router offers one.
func (rs *routers) offerDue() time.Time {
	var due time.Time
	for _, r := range rs.byKey {
		if r.running != nil && r.running.State() == vrrp.Active && !r.offer.due.IsZero() && (due.IsZero() || r.offer.due.Before(due)) {
			due = r.offer.due
		}
	}
	return due
}
