// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"hash/fnv"
	"net/netip"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/desired"
	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// path is the way that a health check takes through IPVS to one real server, whichever virtual IP it goes to.
type path struct {
	family     ipvs.Family
	realServer netip.Addr
	method     ipvs.Method
	tunnel     ipvs.Tunnel
}

// lane is a path with its mark.
type lane struct {
	mark  uint32 // 0: there was none left
	users int
}

// paths are the firewall marks of the health checks that go through IPVS. Each has a service by its mark, with its real server alone.
type paths struct {
	lanes map[path]*lane
	taken map[uint32]path
	// idle are those without users.
	idle map[path]struct{}
}

func newPaths() paths {
	return paths{lanes: map[path]*lane{}, taken: map[uint32]path{}, idle: map[path]struct{}{}}
}

// learn takes over what an earlier agent left in the kernel: paths keep their marks.
func (p *paths) learn(way path, mark uint32) {
	_, known := p.lanes[way]
	if _, taken := p.taken[mark]; known || taken {
		return
	}
	p.lanes[way], p.taken[mark], p.idle[way] = &lane{mark: mark}, way, struct{}{}
}

// enter makes a user of a path more. A path that had none and no mark gets one of the range; 0: none is left.
func (p *paths) enter(way path, within ipvs.MarkRange) (mark uint32, first bool) {
	l, known := p.lanes[way]
	if !known {
		l = &lane{mark: p.free(way, within)}
		p.lanes[way] = l
		if l.mark != 0 {
			p.taken[l.mark] = way
		}
	}
	l.users++
	delete(p.idle, way)
	return l.mark, l.users == 1
}

// leave makes a user of a path less. Its mark stays its own until sweep.
func (p *paths) leave(way path) {
	l, known := p.lanes[way]
	if !known {
		return
	}
	if l.users--; l.users == 0 {
		p.idle[way] = struct{}{}
	}
}

// sweep forgets the paths without users, and returns the keys of their services.
func (p *paths) sweep() []ipvs.ServiceKey {
	var gone []ipvs.ServiceKey
	for way := range p.idle {
		if mark := p.lanes[way].mark; mark != 0 {
			delete(p.taken, mark)
			gone = append(gone, ipvs.MarkKey(mark, way.family))
		}
		delete(p.lanes, way)
	}
	clear(p.idle)
	return gone
}

// free is a mark of the range that nobody has, always the same where others have come and gone in the same order; 0: none is left.
func (p *paths) free(way path, within ipvs.MarkRange) uint32 {
	size := uint64(within.Last) - uint64(within.First) + 1
	hash := fnv.New64a()
	address := way.realServer.As16()
	_, _ = hash.Write(append(address[:], byte(way.method), byte(way.family)))
	for begin, i := hash.Sum64()%size, uint64(0); i < min(size, uint64(len(p.taken))+1); i++ {
		mark := within.First + uint32((begin+i)%size)
		if _, taken := p.taken[mark]; !taken {
			return mark
		}
	}
	return 0
}

// pathOf is the path of the check of one of a service's real servers; false: it is checked at its own address.
func pathOf(service *desired.Service, d ipvs.Destination) (path, bool) {
	if service.Check == nil || !service.Check.Via || d.Method == ipvs.Masquerade || service.Service.Key.Mark != 0 {
		return path{}, false
	}
	return path{family: service.Service.Key.Family(), realServer: d.Address, method: d.Method, tunnel: d.Tunnel}, true
}

// wanted is the IPVS service of a path.
func (way path) wanted(mark uint32) *plan.Wanted {
	return &plan.Wanted{Entry: ipvs.Entry{
		Service:      ipvs.Service{Key: ipvs.MarkKey(mark, way.family), Scheduler: "rr"},
		Destinations: []ipvs.Destination{{Address: way.realServer, Method: way.method, Tunnel: way.tunnel, Weight: 1}},
	}}
}

// target is the check of one of a service's real servers, with the way that it takes; false: it is not checked.
func (a *Agent) target(service *desired.Service, d ipvs.Destination) (health.Target, bool) {
	target, checked := service.Target(d)
	if way, through := pathOf(service, d); through {
		if l := a.paths.lanes[way]; l != nil && l.mark != 0 {
			target.Spec.Via = health.Via{Virtual: service.Service.Key.Address, Mark: l.mark}
		}
	}
	return target, checked
}

// enter makes the check of one of a service's real servers a user of its path, whose IPVS service is wanted from now on.
func (a *Agent) enter(service *desired.Service, d ipvs.Destination, now time.Time) {
	way, through := pathOf(service, d)
	if !through {
		return
	}
	switch mark, first := a.paths.enter(way, a.desired.Node().ProbeMarks(service.Group)); {
	case !first:
	case mark == 0:
		a.log.Warn("the director group has no probe mark left: the real server is checked at its own address; widen spec.probeMarks",
			"directorGroup", service.Group, "realServer", d.Address)
	default:
		a.ledger.Want(way.wanted(mark), now)
	}
}

// leave makes it one no longer.
func (a *Agent) leave(service *desired.Service, d ipvs.Destination) {
	if way, through := pathOf(service, d); through {
		a.paths.leave(way)
	}
}

// sweepPaths has the services of paths go that nobody uses any more.
func (a *Agent) sweepPaths() {
	for _, key := range a.paths.sweep() {
		a.ledger.Unwant(key)
	}
}

// learnPaths takes over the paths that the kernel has.
func (a *Agent) learnPaths() {
	for _, group := range a.desired.Node().Groups {
		for entry := range a.ledger.KnownByMark(group.ProbeMarks) {
			if key := entry.Service.Key; len(entry.Destinations) == 1 {
				d := entry.Destinations[0]
				a.paths.learn(path{family: key.Family(), realServer: d.Address, method: d.Method, tunnel: d.Tunnel}, key.Mark)
			}
		}
	}
}

// isOpen says whether the kernel has the IPVS service that a check goes through. Without it a check of a Backup would go to the virtual IP
// as any client's packets, and find whichever real server the Active director chose.
func (a *Agent) isOpen(target health.Target) bool {
	via := target.Spec.Via
	if via.IsZero() {
		return true
	}
	_, there := a.ledger.Known(ipvs.MarkKey(via.Mark, ipvs.FamilyOf(via.Virtual)))
	return there
}

// check begins the checks that have users now, and ends those that have none. One whose path is not there yet waits for it.
func (a *Agent) check(touched map[health.Target]monitor.Initial) {
	var unused []health.Target
	for target, initial := range touched {
		switch {
		case len(a.users[target]) == 0:
			unused = append(unused, target)
			delete(touched, target)
			delete(a.waiting, target)
		case !a.isOpen(target):
			a.waiting[target] = initial
			delete(touched, target)
		}
	}
	if len(touched)+len(unused) > 0 {
		a.health.Update(touched, unused)
	}
}

// checkOpened begins the checks that waited for a path which is there now.
func (a *Agent) checkOpened() {
	begin := map[health.Target]monitor.Initial{}
	for target, initial := range a.waiting {
		if a.isOpen(target) {
			begin[target] = initial
			delete(a.waiting, target)
		}
	}
	if len(begin) > 0 {
		a.health.Update(begin, nil)
	}
}

// statusOf is what is known of a target. One that waits for its path is as it will begin.
func (a *Agent) statusOf(target health.Target) health.Status {
	if initial, waits := a.waiting[target]; waits && initial == monitor.AdoptUp {
		return health.Status{State: health.Up}
	}
	status, _ := a.health.State(target)
	return status
}

// pathSettings are the kernel settings that checks through IPVS need: on the Active director their answers come from an address that it has
// itself, the virtual IP, which the kernel takes for forged otherwise.
func (a *Agent) pathSettings() []plan.Setting {
	if !a.desired.ChecksVia() {
		return nil
	}
	return []plan.Setting{{Name: "net.ipv4.conf.all.accept_local", Value: "1"}}
}
