// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// startAll starts the routers that do not run yet. A router of which an address is there with our mark held it when this
// agent was killed, and resumes; any other starts only when its group is ready.
func (rs *routers) startAll(actual []plan.Address, ready func(group string) bool, now time.Time) {
	for _, r := range rs.sorted() {
		if r.running != nil {
			continue
		}
		resume := holdsAny(actual, r)
		if !resume && !ready(r.key.group) {
			continue
		}
		running, err := rs.start(r.key.interfaceName, r.config, resume, RouterEvents{
			Transition: func(state vrrp.State) []netip.Addr { return rs.transition(r, state) },
			Rival:      func(source netip.Addr) { rs.taking.rival(r, source) },
		})
		if err != nil {
			r.failure = fmt.Errorf("start virtual router %d on %s: %w", r.key.id, r.key.interfaceName, err)
			continue
		}
		rs.log.Info("virtual router runs", "group", r.key.group, "interface", r.key.interfaceName, "virtualRouterID", r.key.id,
			"priority", r.config.Priority, "resumed", resume)
		r.running, r.failure = running, nil
		rs.publish()
		if resume {
			// The addresses are there: a director that served meanwhile lets go of them on our first advertisement, so the
			// link has to learn at once where they are now.
			r.announced.Store(r.transitions.Load())
			running.Announce(carried(actual, r))
			// It may have yielded before anybody looks again, and is one that was Active all the same.
			rs.observe(r, now)
		}
		rs.kick()
	}
	rs.gather()
}

// transition is on the router's own thread, with which those of its link keep time: nothing in it may block, not even a log.
func (rs *routers) transition(r *router, state vrrp.State) (there []netip.Addr) {
	r.transitions.Add(1)
	switch state {
	case vrrp.Active:
		r.lingers.Store(nil)
		there = rs.taking.atOnce(r)
	case vrrp.Backup:
		r.linger(time.Now())
		time.AfterFunc(yieldGrace, rs.kick)
	case vrrp.Initialize:
		// Nobody waits for what it knows by now.
		r.lingers.Store(nil)
		r.brought.Store(false)
		rs.kick()
		return nil
	}
	if !rs.taking.offer(r) {
		rs.kick()
	}
	return there
}
