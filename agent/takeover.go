// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// claim is what a virtual router does in the moment in which it becomes Active. It is decided before, because a pass would read the
// node first, and may be busy with a long table.
type claim struct {
	running   VirtualRouter
	addresses []netip.Addr
	adds      []*plan.AddAddress
}

// takeover does what cannot wait for a pass when a role changes hands: it brings the virtual IPs of routers that have become
// Active, and has the other director told of connections that begin meanwhile. A router whose claim is not ready, or which the
// kernel refuses, is left to the next pass, which also puts right what changed in between.
type takeover struct {
	kernel interface {
		AddAddresses(adds []*plan.AddAddress) error
	}
	log *slog.Logger
	// kick asks for a pass.
	kick func()
	// tell tells other directors of the connections here, for a time.
	tell func(period time.Duration)
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
		t.tell(yieldGrace)
	}
}

// bring adds a router's addresses and tells the link.
func (t *takeover) bring(r *router, c *claim) {
	transitions := r.transitions.Load()
	r.brought.Store(true)
	if err := t.kernel.AddAddresses(c.adds); err != nil {
		t.log.Warn("virtual IPs that are to come at once: the next pass tries again", "group", r.key.group, "virtualRouterID", r.key.id, "error", err)
		return
	}
	c.running.Announce(c.addresses)
	r.announced.Store(transitions)
	if c.running.Predecessor().IsValid() {
		t.tell(yieldGrace)
	}
}
