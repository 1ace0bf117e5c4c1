// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/desired"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
	"github.com/lvs-operator/lvs-operator/agent/vrrp/vrrpnet"
)

// VirtualRouter is a running VRRP instance with a thread of its own.
type VirtualRouter interface {
	// A router may have to move together with others, and be told to offer its role.
	Companion
	// State is the state machine's.
	State() vrrp.State
	// Announce tells the link where these addresses are, which are on the interface now. It does not block.
	Announce(addresses []netip.Addr)
	// Reconfigure changes what can change without an election.
	Reconfigure(vrrp.Config) error
	// Fault is why the router cannot take part at present, for example its interface is down; nil if it can.
	Fault() error
	// Source is the address that it sends from; the zero value while there is none.
	Source() netip.Addr
	// Predecessor is who was Active before it; alive: that one gave it the role. The zero value: nobody was heard.
	Predecessor() (source netip.Addr, alive bool)
	// Successor is who took over when it was stopped; the zero value: nobody did, or it was not Active.
	Successor() netip.Addr
	// Peers are the others that advertise with its id.
	Peers() []vrrpnet.Peer
	// Stats counts what the router sent, received and threw away.
	Stats() vrrpnet.Stats
	// Stop resigns. It returns nil when another director has taken over, or when there was nothing to hand over.
	Stop(context.Context) error
}

// RouterEvents are called from a virtual router's thread. They do not block.
type RouterEvents struct {
	// Transition hears of a new state, and returns addresses that it has brought, for the router to announce.
	Transition func(vrrp.State) []netip.Addr
	// Rival hears of another one that advertises as Active while this one is.
	Rival func(source netip.Addr)
}

// StartRouter starts a virtual router.
type StartRouter func(interfaceName string, config vrrp.Config, resume bool, events RouterEvents) (VirtualRouter, error)

// routers are the virtual routers of this node.
type routers struct {
	start  StartRouter
	kick   func()
	taking taking
	// withdrawn are virtual IPs that nobody is to have for now, with how many services want that.
	withdrawn map[netip.Addr]int
	log       *slog.Logger
	byKey     map[routerKey]*router
	// synced are the groups with connection sync, and behind says that this director does not know all of their connections yet.
	synced map[string]bool
	behind func() bool
	// returned, if set, is told that a router of a synced group is Backup that was nothing before.
	returned func()
	// live are the routers that run.
	live atomic.Pointer[[]liveRouter]
	// fitness is that for each group of which anything but fit was said.
	fitness  map[string]fitness
	together *together
	// strangers, if set, tells the virtual routers of others on an interface's link.
	strangers func(interfaceName string) []vrrpnet.Stranger
	// told is what was to be said of the routers when news was asked last.
	told []routerNews
}

// taking does at once what cannot wait for a pass when a role changes hands.
type taking interface {
	// atOnce brings the addresses of a router that has become Active, from the router's own thread, and returns them; none: they come
	// another way.
	atOnce(r *router) []netip.Addr
	// offer hands a router over that has become Active or Backup. It does not block; false: a pass has to see to it.
	offer(r *router) bool
	// rival is told of another director that advertises as Active while this one is.
	rival(r *router, source netip.Addr)
	// stopped is told of a router that was stopped, and another director may have its role.
	stopped(r *router)
}

func newRouters(start StartRouter, kick func(), taking taking, log *slog.Logger) *routers {
	return &routers{start: start, kick: kick, taking: taking, log: log, byKey: map[routerKey]*router{}, fitness: map[string]fitness{}, withdrawn: map[netip.Addr]int{},
		behind: func() bool { return false }, returned: func() {}, together: newTogether(kick, log)}
}

// adopt makes the set of routers the desired one: new ones are known and not yet started, changed ones are reconfigured,
// and those that are gone resign.
func (rs *routers) adopt(node desired.Node, now time.Time) {
	wanted := map[routerKey]bool{}
	rs.synced = map[string]bool{}
	for _, g := range node.Groups {
		rs.synced[g.Name] = len(g.Daemons) > 0
		for _, d := range g.Routers {
			key := routerKey{group: g.Name, interfaceName: d.Interface, id: d.Config.VRID, version: d.Config.Version, ipv6: d.Config.Family().Is6()}
			wanted[key] = true
			rs.adoptOne(key, d, now)
		}
	}
	var gone []*router
	for key, r := range rs.byKey {
		if !wanted[key] {
			gone = append(gone, r)
			delete(rs.byKey, key)
		}
	}
	rs.publish()
	rs.gather() // before their end, which is no fault that concerns those that moved together with them
	for _, r := range gone {
		rs.retire(r)
	}
}

func (rs *routers) adoptOne(key routerKey, wanted desired.Router, now time.Time) {
	addresses := wanted.Addresses()
	r, known := rs.byKey[key]
	if !known {
		r = &router{key: key, addresses: addresses, carrier: wanted.Carrier(), state: vrrp.Initialize, since: now}
		rs.byKey[key] = r
	}
	r.moves, r.leaving = wanted.MoveTogether, wanted.Lowered != ""
	if !slices.Equal(r.addresses, addresses) || r.carrier != wanted.Carrier() {
		// Those that are new come when their services are there.
		r.claim.Store(nil)
	}
	r.addresses, r.wanted, r.carrier = addresses, wanted.Config, wanted.Carrier()
	rs.reconfigure(r, rs.inForce(r))
}

// inForce is the configuration of a router as this director is at present: with a lower priority where it cannot serve, and without
// preemption until it knows the connections of the Active one, which it would end.
func (rs *routers) inForce(r *router) vrrp.Config {
	config := r.wanted
	config.Priority = rs.fitnessOf(r).priority(config.Priority)
	config.Preempt = config.Preempt && (!rs.synced[r.key.group] || !rs.behind())
	return config
}

// refresh puts in force what follows from how this director is now.
func (rs *routers) refresh() {
	for _, r := range rs.byKey {
		rs.reconfigure(r, rs.inForce(r))
	}
	rs.publish()
}

// reconfigure puts a configuration in force.
func (rs *routers) reconfigure(r *router, config vrrp.Config) {
	if r.config.Equal(config) {
		return
	}
	if r.running != nil {
		if err := r.running.Reconfigure(config); err != nil {
			r.failure = fmt.Errorf("change virtual router %d on %s: %w", r.key.id, r.key.interfaceName, err)
			return
		}
	}
	r.config, r.failure = config, nil
}

// judge says how well this director can serve a group.
func (rs *routers) judge(group string, f fitness) {
	rs.fitness[group] = f
	if f == fit {
		delete(rs.fitness, group)
	}
	for _, r := range rs.byKey {
		rs.reconfigure(r, rs.inForce(r))
	}
}

// run says whether a router of the group runs.
func (rs *routers) run(group string) bool {
	for _, r := range rs.byKey {
		if r.key.group == group && r.running != nil {
			return true
		}
	}
	return false
}

// retire resigns in the background: nobody waits for a router that is no longer wanted.
func (rs *routers) retire(r *router) {
	r.claim.Store(nil)
	if r.running == nil {
		return
	}
	running := r.running
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), handOverBound)
		defer cancel()
		_ = running.Stop(ctx) // whether another took over changes nothing: the addresses are going anyway
	}()
}

func (rs *routers) sorted() []*router {
	list := make([]*router, 0, len(rs.byKey))
	for _, r := range rs.byKey {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b *router) int { return compareKeys(a.key, b.key) })
	return list
}
