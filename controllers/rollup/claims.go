// SPDX-License-Identifier: Apache-2.0

package rollup

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// ElectionGrace is how long two claims to be Active for one virtual router may stand beside each other before they are a split
// brain: when the role is handed over the two directors' reports travel by the API server apart from each other. It is counted by the
// controller's clock from when it has read both claims; the directors' clocks decide nothing. It leaves three quarters of a second
// for the ways of the reports, so that a split brain is told within two seconds.
const ElectionGrace = 1250 * time.Millisecond

// Claims remembers the claims of one group's directors to be Active from one reading of their reports to the next.
type Claims struct {
	// seen is when each claim that stands now was read first.
	seen map[claim]time.Time
	// resigned are the claims that another director has heard taken back on the link.
	resigned map[claim]bool
	// split are the ids of the routers of which two claims have stood for [ElectionGrace], and that still have several.
	split map[int32]bool
}

// claim is a director's being Active once: it identifies, and does not order. Since makes a difference when the agent was started
// again, and counts from 1 again.
type claim struct {
	router   int32
	director string
	epoch    int64
	since    int64 // Unix time
}

// NewClaims remembers of the past what the group's status tells: a split brain goes on being one while a controller starts.
func NewClaims(before v1alpha1.DirectorGroupStatus) *Claims {
	c := &Claims{seen: map[claim]time.Time{}, resigned: map[claim]bool{}, split: map[int32]bool{}}
	for _, election := range before.VirtualRouters {
		if strings.Contains(election.Active, ",") {
			c.split[election.VirtualRouterID] = true
		}
	}
	return c
}

// Settle decides which of the claims count that the directors' reports make at now. It must see every reading of the reports, in
// the order of the readings.
//
// A claim counts no more when its node's kubelet is lost and another director became Active later, because a dead agent cannot
// take its word back; and when the director that became Active later has heard its resignation (RFC 9568 section 6.4.3). Of several
// claims that are left the newest counts alone until two have stood beside each other for [ElectionGrace]; then all do until all but
// one are gone. The newest is the one that was read last. A director that has yielded and become Active again makes a new claim, which
// its epoch tells. Only of claims that a controller reads first of all at its start the directors' clocks tell which is newer.
//
// again is when the grace is over, from now, and the reports have to be read again though nothing will have changed; 0: never.
func (c *Claims) Settle(directors []Director, now time.Time) (again time.Duration) {
	c.note(directors, now)
	c.dropLost(directors)
	c.dropResigned(directors)
	ids := idsOf(directors, func(Router) bool { return true })
	for _, id := range ids {
		if left := c.supersede(id, directors, now); left > 0 && (again == 0 || left < again) {
			again = left
		}
	}
	return again
}

// note takes over which claims there are.
func (c *Claims) note(directors []Director, now time.Time) {
	standing := map[claim]time.Time{}
	for i := range directors {
		for j := range directors[i].Routers {
			if !directors[i].Routers[j].claims() {
				continue
			}
			key := claimOf(&directors[i], &directors[i].Routers[j])
			first, known := c.seen[key]
			if !known {
				first = now
			}
			standing[key] = first
		}
	}
	c.seen = standing
	for key := range c.resigned {
		if _, stands := standing[key]; !stands {
			delete(c.resigned, key)
		}
	}
}

func claimOf(d *Director, r *Router) claim {
	return claim{router: r.ID, director: d.Name, epoch: r.Epoch, since: r.Since.Unix()}
}

// compare orders two directors' claims to be Active for a virtual router, the older one first; 0: nobody can tell.
func (c *Claims) compare(id int32, a, b *Director) int {
	ofA, ofB := a.router(id), b.router(id)
	return cmp.Or(c.seen[claimOf(a, ofA)].Compare(c.seen[claimOf(b, ofB)]), ofA.Since.Compare(ofB.Since.Time))
}

// dropLost finds the lost directors, and takes from them the claims that another director made a newer one beside.
func (c *Claims) dropLost(directors []Director) {
	for i := range directors {
		d := &directors[i]
		if !d.NotReady {
			continue
		}
		d.Lost = !d.Current
		for j := range d.Routers {
			r := &d.Routers[j]
			if r.claims() && slices.ContainsFunc(actives(r.ID, directors), func(other *Director) bool { return c.compare(r.ID, d, other) < 0 }) {
				r.State, d.Lost = v1alpha1.VRRPUnknown, true
			}
		}
	}
}

// dropResigned finds the claims that were taken back on the link, by the word of the director that became Active then.
func (c *Claims) dropResigned(directors []Director) {
	for i := range directors {
		d := &directors[i]
		for j := range d.Routers {
			r := &d.Routers[j]
			if !r.claims() {
				continue
			}
			key := claimOf(d, r)
			if slices.ContainsFunc(actives(r.ID, directors), func(other *Director) bool {
				return c.compare(r.ID, d, other) < 0 && other.router(r.ID).heardResign(r.Source)
			}) {
				c.resigned[key] = true
			}
			r.Superseded = c.resigned[key]
		}
	}
}

// heardResign says whether the last that was heard from the address is a resignation.
func (r *Router) heardResign(source v1alpha1.IPAddress) bool {
	return source != "" && slices.Contains(r.Peers, v1alpha1.VRRPPeer{Address: source})
}

// supersede takes all claims but the newest out of the count while there is grace, and returns how long that lasts; 0: there is none.
func (c *Claims) supersede(id int32, directors []Director, now time.Time) time.Duration {
	claims := actives(id, directors)
	if len(claims) < 2 {
		delete(c.split, id)
		return 0
	}
	slices.SortFunc(claims, func(a, b *Director) int {
		return cmp.Or(c.compare(id, a, b), cmp.Compare(a.router(id).Priority, b.router(id).Priority), cmp.Compare(a.Name, b.Name))
	})
	// The two oldest have stood beside each other since the younger of them was made.
	left := ElectionGrace - now.Sub(c.seen[claimOf(claims[1], claims[1].router(id))])
	if c.split[id] || left <= 0 {
		c.split[id] = true
		return 0
	}
	for _, d := range claims[:len(claims)-1] {
		d.router(id).Superseded = true
	}
	return left
}
