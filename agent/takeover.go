// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// takeover does what cannot wait for a pass when a role changes hands: it brings the virtual IPs of routers that have become
// Active, and has the other director told of connections that begin meanwhile. A router whose claim is not ready, or which the
// kernel refuses, is left to the next pass, which also puts right what changed in between.
type takeover struct {
	kernel interface {
		AddAddresses(adds []*plan.AddAddress) error
		Hold(held kernel.Held) error
	}
	log *slog.Logger
	// kick asks for a pass.
	kick func()
	// tell tells other directors of the connections of virtual IPs here, for a time; own: of those that began here.
	tell func(virtual []netip.Addr, period time.Duration, own bool)
	// moved are routers that have just become Active or Backup: one that finds no room waits for a pass.
	moved chan *router
}

// mostMoved is more than one link has virtual routers of both families.
const mostMoved = 512

func newTakeover(t takeover) *takeover {
	t.moved = make(chan *router, mostMoved)
	return &t
}

// run serves routers until ctx ends.
func (t *takeover) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-t.moved:
			t.serve(r)
			t.kick()
		}
	}
}

// offer hands a router over whose role has changed. It does not block; false: there is no room.
func (t *takeover) offer(r *router) bool {
	select {
	case t.moved <- r:
		return true
	default:
		return false
	}
}

func (t *takeover) serve(r *router) {
	c := r.claim.Load()
	switch {
	case c == nil:
	case c.running.State() == vrrp.Active:
		t.bring(r, c)
	case r.brought.Swap(false):
		if successor := c.running.Stats().ActiveSource; successor.IsValid() && len(c.adds) > 0 {
			t.relay(r, c, successor)
		}
		t.tell(c.addresses, yieldGrace, false)
	}
}

// stopped is called when a router has been stopped, and another director may have its role.
func (t *takeover) stopped(r *router) {
	if c := r.claim.Load(); c != nil && len(c.adds) > 0 && c.running.Successor().IsValid() {
		t.relay(r, c, c.running.Successor())
	}
}

// bring adds a router's addresses and tells the link.
func (t *takeover) bring(r *router, c *claim) {
	transitions, predecessor := r.transitions.Load(), c.running.Predecessor()
	r.brought.Store(true)
	if predecessor.IsValid() {
		to := predecessor
		if len(c.adds) == 0 {
			to = netip.Addr{} // whose link is down already
		}
		t.relay(r, c, to)
		defer t.tell(c.addresses, yieldGrace, true)
	}
	if len(c.adds) == 0 {
		return
	}
	if err := t.kernel.AddAddresses(c.adds); err != nil {
		t.log.Warn("virtual IPs that are to come at once: the next pass tries again", "group", r.key.group, "virtualRouterID", r.key.id, "error", err)
		return
	}
	c.running.Announce(c.addresses)
	r.announced.Store(transitions)
}

// relayBound is how long a hand-over waits for the packets to be held: others may be writing nftables.
const relayBound = 50 * time.Millisecond

// relay has packets of connections that this director does not know go to the other one of a hand-over, for as long as both have the
// addresses: hosts of a link do not learn all at once who is Active, and each director has connections that the other was not told of
// yet. Without another one they are dropped for that time, and come again.
func (t *takeover) relay(r *router, c *claim, to netip.Addr) {
	held := kernel.Held{Virtual: c.addresses, Servers: c.servers, To: to, Interface: c.interfaceName, Period: yieldGrace}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := t.kernel.Hold(held); err != nil {
			t.log.Warn("connections that are just beginning may fail", "group", r.key.group, "virtualRouterID", r.key.id, "error", err)
		}
	}()
	select {
	case <-done:
	case <-time.After(relayBound):
	}
}
