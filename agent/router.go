// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// routerKey identifies a virtual router on a node. A router that changes any of it is another one: the old one resigns, and
// the new one resumes with the addresses that it finds.
type routerKey struct {
	group         string
	interfaceName string
	id            uint8
	version       vrrp.Version
	ipv6          bool
}

// router is a virtual router of the desired state, running or not yet.
type router struct {
	key routerKey
	// wanted is the desired configuration, and config the one in force: see routers.inForce.
	wanted, config vrrp.Config
	// moves is the name of those that move together with it; empty: it moves for itself.
	moves string
	// leaving says that the controller has lowered the configured priority.
	leaving bool
	offer   offer
	// addresses are all that go where the router is Active: the advertised ones and those that ride along.
	addresses []netip.Addr
	// carrier is the interface that they go on: the key's, or the router's own link with a virtual MAC address.
	carrier string
	running VirtualRouter
	// transitions counts the router's own transitions; announced is the count for which addresses were announced.
	transitions, announced atomic.Int64
	// claim is what it does when it becomes Active; nil: that waits for a pass.
	claim atomic.Pointer[claim]
	// brought says that it has been Active, however its addresses came, and has handed over to nobody since.
	brought atomic.Bool
	state   vrrp.State
	since   time.Time
	failure error
	// stopping says that it was told to stop and that its end is not noted yet; released that another director has the addresses.
	stopping, released bool
	// lingers is until when a router that is no longer Active keeps its addresses; nil: it does not. See yieldGrace.
	lingers atomic.Pointer[time.Time]
}

// yieldGrace is how long a director keeps the virtual IPs after another one has become Active. That one advertises first, and only
// then adds them and tells the link; until the last client has heard it, packets come here, and find a director that still
// forwards them. The other announces again after it, for a client that asked meanwhile and had two answers. With a virtual MAC address
// there is no such moment: bridges send here no more once the other has advertised, and an answer from here would lead them back.
const yieldGrace = 500 * time.Millisecond

// linger has the addresses stay for yieldGrace.
func (r *router) linger(now time.Time) {
	until := now.Add(yieldGrace)
	r.lingers.Store(&until)
}

// lingersFor is how long the addresses stay yet of a router that is no longer Active.
func (r *router) lingersFor(now time.Time) time.Duration {
	until := r.lingers.Load()
	if until == nil || r.config.VirtualMAC {
		return 0
	}
	return max(0, until.Sub(now))
}

// fault is what keeps the router from running, or from taking part.
func (r *router) fault() error {
	if r.failure != nil || r.running == nil {
		return r.failure
	}
	return r.running.Fault()
}

// look sees whose role changed.
func (rs *routers) look(now time.Time) {
	for _, r := range rs.byKey {
		rs.observe(r, now)
	}
}

// observe takes the state machine's state over. What that of a router is that has just stopped says nothing of who has its addresses.
func (rs *routers) observe(r *router, now time.Time) {
	if r.stopping {
		return
	}
	state := vrrp.Initialize
	if r.running != nil {
		state = r.running.State()
	}
	if state == r.state {
		return
	}
	if r.state == vrrp.Initialize && rs.synced[r.key.group] {
		rs.returned()
		rs.reconfigure(r, rs.inForce(r))
	}
	if state == vrrp.Active {
		r.brought.Store(true)
	}
	r.state, r.since = state, now
	rs.log.Info("VRRP state", "group", r.key.group, "interface", r.key.interfaceName, "virtualRouterID", r.key.id, "state", state.String())
}
