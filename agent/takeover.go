// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"log/slog"
	"net/netip"

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

// takeover brings the virtual IPs of routers that have become Active. A router whose claim is not ready, or which the kernel refuses,
// is left to the next pass, which also puts right what changed in between.
type takeover struct {
	kernel interface {
		AddAddresses(adds []*plan.AddAddress) error
	}
	log *slog.Logger
	// kick asks for a pass.
	kick func()
	// won are routers that have just become Active: one that finds no room waits for a pass.
	won chan *router
}

// mostWon is more than one link has virtual routers of both families.
const mostWon = 512

func newTakeover(t takeover) *takeover {
	t.won = make(chan *router, mostWon)
	return &t
}

// run brings addresses until ctx ends.
func (t *takeover) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-t.won:
			t.bring(r)
			t.kick()
		}
	}
}

// offer hands a router over that has become Active. It does not block; false: there is no room.
func (t *takeover) offer(r *router) bool {
	select {
	case t.won <- r:
		return true
	default:
		return false
	}
}

// bring adds a router's addresses and tells the link.
func (t *takeover) bring(r *router) {
	c, transitions := r.claim.Load(), r.transitions.Load()
	if c == nil || c.running.State() != vrrp.Active {
		return
	}
	if err := t.kernel.AddAddresses(c.adds); err != nil {
		t.log.Warn("virtual IPs that are to come at once: the next pass tries again", "group", r.key.group, "virtualRouterID", r.key.id, "error", err)
		return
	}
	c.running.Announce(c.addresses)
	r.announced.Store(transitions)
}
