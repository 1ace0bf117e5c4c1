// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/desired"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
	"github.com/lvs-operator/lvs-operator/agent/vrrp/vrrpnet"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
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
	// Predecessor is who gave it the role while alive; the zero value: nobody did.
	Predecessor() netip.Addr
	// Successor is who took over when it was stopped; the zero value: nobody did, or it was not Active.
	Successor() netip.Addr
	// Peers are the others that advertise with its id.
	Peers() []vrrpnet.Peer
	// Stats counts what the router sent, received and threw away.
	Stats() vrrpnet.Stats
	// Stop resigns. It returns nil when another director has taken over, or when there was nothing to hand over.
	Stop(context.Context) error
}

// StartRouter starts a virtual router. transition is called from the router's thread; it does not block.
type StartRouter func(interfaceName string, config vrrp.Config, resume bool, transition func(vrrp.State)) (VirtualRouter, error)

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
	// released says that another director has the addresses: this one is about to end.
	released bool
	// lingers is until when a router that is no longer Active keeps its addresses: see yieldGrace.
	lingers time.Time
}

// yieldGrace is how long a director keeps the virtual IPs after another one has become Active. That one advertises first, and only
// then adds them and tells the link; until the last client has heard it, packets come here, and find a director that still
// forwards them. The other announces again after it, for a client that asked meanwhile and had two answers. With a virtual MAC address
// there is no such moment: bridges send here no more once the other has advertised, and an answer from here would lead them back.
const yieldGrace = 500 * time.Millisecond

// routers are the virtual routers of this node.
type routers struct {
	start StartRouter
	kick  func()
	// moved takes a router that has become Active or Backup; false: a pass has to see to it.
	moved func(*router) bool
	log   *slog.Logger
	byKey map[routerKey]*router
	// synced are the groups with connection sync, and behind says that this director does not know all of their connections yet.
	synced map[string]bool
	behind func() bool
	// succeeded is told of a router that was stopped.
	succeeded func(*router)
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

func newRouters(start StartRouter, kick func(), moved func(*router) bool, log *slog.Logger) *routers {
	return &routers{start: start, kick: kick, moved: moved, log: log, byKey: map[routerKey]*router{}, fitness: map[string]fitness{},
		behind: func() bool { return false }, returned: func() {}, succeeded: func(*router) {}, together: newTogether(kick, log)}
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

// routerNews is what a report says of a router.
type routerNews struct {
	key   routerKey
	state vrrp.State
	epoch int64
	fault string
	// following is whom a Backup follows, and peers are the others' addresses, with what is wrong with what they send.
	following v1alpha1.IPAddress
	peers     string
}

// news says whether a report has something else to say of the routers than when it was asked last, and whether one has changed its
// state since.
func (rs *routers) news() (changed, elected bool) {
	now := make([]routerNews, 0, len(rs.byKey))
	for _, r := range rs.sorted() {
		one := routerNews{key: r.key, state: r.state, epoch: r.epoch(), following: r.following(), peers: fmt.Sprint(r.peers())}
		if err := r.fault(); err != nil {
			one.fault = err.Error()
		}
		now = append(now, one)
	}
	changed = !slices.Equal(now, rs.told)
	elected = !slices.EqualFunc(now, rs.told, func(a, b routerNews) bool { return a.key == b.key && a.state == b.state && a.epoch == b.epoch })
	rs.told = now
	return changed, elected
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
		// On the router's own thread of time: nothing in it may block, not even a log.
		running, err := rs.start(r.key.interfaceName, r.config, resume, func(state vrrp.State) {
			r.transitions.Add(1)
			if state == vrrp.Initialize {
				// Nobody waits for what it knows by now.
				r.brought.Store(false)
				rs.kick()
			} else if !rs.moved(r) {
				rs.kick()
			}
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

// addresses are the virtual IPs to hold now: those of Active routers, of routers that have just yielded the ones that are there, and
// of routers that do not run yet as well, because a router that is about to resume must find them.
func (rs *routers) addresses(actual []plan.Address, now time.Time) []plan.InterfaceAddress {
	var held []plan.InterfaceAddress
	for _, r := range rs.sorted() {
		rs.observe(r, now)
		keeps := now.Before(r.lingers) || r.running == nil && r.failure == nil && !r.released
		for _, address := range r.addresses {
			if r.state == vrrp.Active || keeps && holds(actual, r.carrier, address) {
				held = append(held, plan.InterfaceAddress{Interface: r.carrier, Address: address})
			}
		}
	}
	return held
}

// announce tells the link where the virtual IPs are: after each transition to Active, and after one of them was added.
func (rs *routers) announce(actual []plan.Address, added []plan.Operation) {
	for _, r := range rs.sorted() {
		transitions := r.transitions.Load()
		if r.running == nil || r.state != vrrp.Active || r.announced.Load() == transitions && !addsTo(added, r) {
			continue
		}
		if addresses := carried(actual, r); len(addresses) > 0 {
			r.announced.Store(transitions)
			r.running.Announce(addresses)
		}
	}
}

// stake makes each router that runs claim its addresses when it becomes Active. It is called while all that has to be there before a
// virtual IP is there; what changes later does not keep an address back that was ready. servers are a group's masqueraded real servers.
func (rs *routers) stake(servers func(group string) []netip.AddrPort) {
	ofGroup := map[string][]netip.AddrPort{}
	for _, r := range rs.byKey {
		if r.running == nil {
			continue
		}
		of, asked := ofGroup[r.key.group]
		if !asked {
			of = servers(r.key.group)
			ofGroup[r.key.group] = of
		}
		c := r.claim.Load()
		if c != nil && c.running == r.running && slices.Equal(c.addresses, r.addresses) && slices.Equal(c.servers, of) {
			continue
		}
		c = &claim{running: r.running, addresses: r.addresses, servers: of, interfaceName: r.key.interfaceName}
		if !r.config.VirtualMAC {
			c.adds = plan.Takeover(r.key.interfaceName, r.addresses)
		}
		r.claim.Store(c)
	}
}

// addsTo says whether one of the operations added an address of the router.
func addsTo(operations []plan.Operation, r *router) bool {
	return slices.ContainsFunc(operations, func(o plan.Operation) bool {
		add, ok := o.(*plan.AddAddress)
		return ok && add.Interface == r.carrier && slices.Contains(r.addresses, add.Prefix.Addr())
	})
}

// stopAll resigns everywhere, all routers at once, and returns those that another director has taken over, or that had
// nothing to hand over: their virtual IPs may go. The others keep them, for nobody else serves.
func (rs *routers) stopAll(ctx context.Context) []*router {
	var mu sync.Mutex
	var wait sync.WaitGroup
	var over []*router
	for _, r := range rs.sorted() {
		if r.running == nil {
			continue
		}
		wait.Go(func() {
			err := r.running.Stop(ctx)
			rs.succeeded(r)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				over = append(over, r)
				return
			}
			// What does not run any more holds what is there.
			r.running = nil
			rs.log.Warn("no other director took the virtual IPs over; they stay on this node", "group", r.key.group, "virtualRouterID", r.key.id, "error", err)
		})
	}
	wait.Wait()
	return over
}

func (rs *routers) sorted() []*router {
	list := make([]*router, 0, len(rs.byKey))
	for _, r := range rs.byKey {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b *router) int { return compareKeys(a.key, b.key) })
	return list
}

// release lets the addresses of routers go that another director has taken over.
func (rs *routers) release(over []*router) {
	for _, r := range over {
		r.running, r.released = nil, true
	}
}

// fault is what keeps the router from running, or from taking part.
func (r *router) fault() error {
	if r.failure != nil || r.running == nil {
		return r.failure
	}
	return r.running.Fault()
}

// observe takes the state machine's state over.
func (rs *routers) observe(r *router, now time.Time) {
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
	r.lingers = time.Time{}
	if r.state == vrrp.Active && state == vrrp.Backup && !r.config.VirtualMAC {
		r.lingers = now.Add(yieldGrace)
		time.AfterFunc(yieldGrace, rs.kick)
	}
	if state == vrrp.Active {
		r.brought.Store(true)
	}
	r.state, r.since = state, now
	rs.log.Info("VRRP state", "group", r.key.group, "interface", r.key.interfaceName, "virtualRouterID", r.key.id, "state", state.String())
}

// holdsAny says whether an address of the router is there with our mark.
func holdsAny(actual []plan.Address, r *router) bool {
	return slices.ContainsFunc(r.addresses, func(a netip.Addr) bool { return holds(actual, r.carrier, a) })
}

func holds(actual []plan.Address, interfaceName string, address netip.Addr) bool {
	return slices.ContainsFunc(actual, func(a plan.Address) bool {
		return a.Ours && a.Interface == interfaceName && a.Prefix.Addr() == address
	})
}

// carried are the router's addresses that are on their interface, whoever put them there.
func carried(actual []plan.Address, r *router) []netip.Addr {
	there := map[netip.Addr]bool{}
	for _, a := range actual {
		if a.Interface == r.carrier {
			there[a.Prefix.Addr()] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(r.addresses), func(a netip.Addr) bool { return !there[a] })
}
