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
	moved chan moved
}

// moved is a router whose role has changed, or one that is Active and has a rival.
type moved struct {
	router *router
	rival  netip.Addr // the zero value: its role has changed
}

// mostMoved is more than one link has virtual routers of both families.
const mostMoved = 512

func newTakeover(t takeover) *takeover {
	t.moved = make(chan moved, mostMoved)
	return &t
}

// run serves routers until ctx ends.
func (t *takeover) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-t.moved:
			if m.rival.IsValid() {
				t.face(m.router, m.rival)
				continue
			}
			if !t.serve(m.router) {
				t.kick()
				continue
			}
			time.AfterFunc(echoDelay, t.kick)
		}
	}
}

// atOnce implements taking. Where another director gave the role there is more to do, and that one serves meanwhile.
func (t *takeover) atOnce(r *router) []netip.Addr {
	c := r.claim.Load()
	if c == nil || !c.atOnce {
		return nil
	}
	if _, alive := c.running.Predecessor(); alive || t.kernel.AddAddresses(c.adds) != nil {
		return nil // what the kernel refuses it refuses once more, to one who may tell of it
	}
	r.brought.Store(true)
	r.announced.Store(r.transitions.Load())
	return c.addresses
}

// offer implements taking.
func (t *takeover) offer(r *router) bool {
	select {
	case t.moved <- moved{router: r}:
		return true
	default:
		return false
	}
}

// rival implements taking.
func (t *takeover) rival(r *router, source netip.Addr) {
	select {
	case t.moved <- moved{r, source}:
	default: // the rival advertises again
	}
}

// face has packets of connections that this director does not know go to its rival: hosts that learnt where the rival is began them
// there, and learn now that it is not the one.
func (t *takeover) face(r *router, rival netip.Addr) {
	if c := r.claim.Load(); c != nil && len(c.adds) > 0 && c.running.State() == vrrp.Active {
		t.relay(r, c, rival)
	}
}

// serve does what the router's role wants now. served says that its virtual IPs are there and announced, so that the pass may wait.
func (t *takeover) serve(r *router) (served bool) {
	c := r.claim.Load()
	switch {
	case c == nil:
	case c.running.State() == vrrp.Active:
		return t.bring(r, c)
	case r.brought.Swap(false):
		if successor := c.running.Stats().ActiveSource; successor.IsValid() && len(c.adds) > 0 {
			t.relay(r, c, successor)
		}
		t.tell(c.addresses, yieldGrace, false)
	}
	return false
}

// stopped implements taking.
func (t *takeover) stopped(r *router) {
	if c := r.claim.Load(); c != nil && len(c.adds) > 0 && c.running.Successor().IsValid() {
		t.relay(r, c, c.running.Successor())
	}
}

// bring adds a router's addresses and tells the link. served says that it did.
func (t *takeover) bring(r *router, c *claim) (served bool) {
	transitions := r.transitions.Load()
	predecessor, alive := c.running.Predecessor()
	r.brought.Store(true)
	if alive {
		to := predecessor
		if len(c.adds) == 0 {
			to = netip.Addr{} // whose link is down already
		}
		t.relay(r, c, to)
		defer t.tell(c.addresses, yieldGrace, true)
	}
	if len(c.adds) == 0 {
		return false
	}
	if cameAtOnce := r.announced.Load() == transitions; !cameAtOnce {
		if err := t.kernel.AddAddresses(c.adds); err != nil {
			t.log.Warn("virtual IPs that are to come at once: the next pass tries again", "group", r.key.group, "virtualRouterID", r.key.id, "error", err)
			return false
		}
		c.running.Announce(c.addresses)
		r.announced.Store(transitions)
	}
	if !alive && predecessor.IsValid() {
		// It fell silent, which is no proof that it is dead. If it is, the packets go nowhere, as they would without it.
		t.relay(r, c, predecessor)
	}
	return true
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
