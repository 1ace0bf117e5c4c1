// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"net/netip"
	"sync"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/connections"
)

// telling is what the other directors are told of at present, because roles change hands: connections of some virtual IPs, for a time.
type telling struct {
	mu    sync.Mutex
	until time.Time
	// own are the virtual IPs that are told of; true: only of connections that others did not tell this director of.
	own map[netip.Addr]bool
	// busy says that somebody tells.
	busy bool
}

// extend adds virtual IPs, and says whether somebody has to begin to tell.
func (t *telling) extend(until time.Time, virtual []netip.Addr, own bool) (begin bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.own == nil || time.Now().After(t.until) {
		t.own = map[netip.Addr]bool{}
	}
	for _, address := range virtual {
		before, told := t.own[address]
		t.own[address] = own && (!told || before)
	}
	if until.After(t.until) {
		t.until = until
	}
	begin = !t.busy
	t.busy = true
	return begin
}

// left is for how long there is something to tell; 0: nothing any more, and nobody tells from now on.
func (t *telling) left() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	left := max(0, time.Until(t.until))
	t.busy = left > 0
	return left
}

// tells is an exchange.Choice. Which virtual IP brought the packets of a firewall mark nobody knows.
func (t *telling) tells(c connections.Connection, d connections.Details) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	own, told := t.own[c.Virtual.Addr()]
	if d.Mark != 0 {
		own, told = false, len(t.own) > 0
		for _, one := range t.own {
			own = own || one
		}
	}
	return told && (!own || !c.Synced)
}

// tell tells the other directors of the connections of virtual IPs while a role changes hands, in the background; own: of those that it
// did not hear of from others.
func (s *connectionSync) tell(virtual []netip.Addr, period time.Duration, own bool) {
	running := s.running.Load()
	if running == nil || !running.extend(time.Now().Add(period), virtual, own) {
		return
	}
	go func() {
		for left := running.left(); left > 0; left = running.left() {
			if err := running.Tell(running.ctx, left, running.tells); err != nil {
				s.log.Warn("the other directors may miss connections that began just now", "error", err)
			}
			if running.ctx.Err() != nil {
				return
			}
		}
	}()
}

// remembered chooses connections of the virtual IPs that a director serves, and goes on choosing those when it has given them up.
type remembered struct {
	serves func(virtual netip.Addr) bool
	known  map[netip.Addr]bool
}

// tells is an exchange.Choice, for one goroutine.
func (r *remembered) tells(c connections.Connection, d connections.Details) bool {
	virtual := c.Virtual.Addr()
	if d.Mark != 0 {
		virtual = netip.Addr{}
	}
	if r.serves(virtual) {
		r.known[virtual] = true
	}
	return r.known[virtual]
}
