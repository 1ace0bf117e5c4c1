// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"hash/fnv"
	"net/netip"
	"slices"
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
	// group is the director group that it was first used for.
	group string
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
func (p *paths) enter(way path, group string, within ipvs.MarkRange) (mark uint32, first bool) {
	l, known := p.lanes[way]
	if !known {
		l = &lane{mark: p.free(way, within), group: group}
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

// sweep forgets the paths without users of which the marks are not to be kept, and returns the keys of their services.
func (p *paths) sweep(keep func(mark uint32) bool) []ipvs.ServiceKey {
	var gone []ipvs.ServiceKey
	for way := range p.idle {
		mark := p.lanes[way].mark
		if keep(mark) {
			continue
		}
		if mark != 0 {
			delete(p.taken, mark)
			gone = append(gone, ipvs.MarkKey(mark, way.family))
		}
		delete(p.lanes, way)
		delete(p.idle, way)
	}
	return gone
}

// groupOf is the director group of a mark; empty: it is none of a path.
func (p *paths) groupOf(mark uint32) string {
	if way, taken := p.taken[mark]; taken {
		return p.lanes[way].group
	}
	return ""
}

// free is a mark of the range that nobody has, always the same where others have come and gone in the same order; 0: none is left.
func (p *paths) free(way path, within ipvs.MarkRange) uint32 {
	if within == (ipvs.MarkRange{}) {
		return 0
	}
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
	key := service.Service.Key
	if service.Check == nil || !service.Check.Via || d.Method == ipvs.Masquerade || key.Mark != 0 || ipvs.FamilyOf(d.Address) != key.Family() {
		return path{}, false
	}
	return path{family: key.Family(), realServer: d.Address, method: d.Method, tunnel: d.Tunnel}, true
}

// wanted is the IPVS service of a path.
func (way path) wanted(mark uint32) *plan.Wanted {
	return &plan.Wanted{Entry: ipvs.Entry{
		// A datagram of another check from the same port, to another real server, is no reason to send this one there.
		Service:      ipvs.Service{Key: ipvs.MarkKey(mark, way.family), Scheduler: "rr", Flags: ipvs.OnePacket},
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
	switch mark, first := a.paths.enter(way, service.Group, a.desired.Node().ProbeMarks(service.Group)); {
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

// sweepPaths has the services of paths go that nobody uses any more, but for those with marks to be kept.
func (a *Agent) sweepPaths(keep func(mark uint32) bool) {
	for _, key := range a.paths.sweep(keep) {
		a.ledger.Unwant(key)
	}
}

// isProbeMark says whether a mark is one for checks, of any group.
func (a *Agent) isProbeMark(mark uint32) bool {
	return slices.ContainsFunc(a.desired.Node().Groups, func(g desired.Group) bool { return g.ProbeMarks.Has(mark) })
}

// remarked are the services whose checks go through IPVS and whose group has other marks for that than when it was asked last.
func (a *Agent) remarked() []*desired.Service {
	moved, groups := map[string]bool{}, a.desired.Node().Groups
	if len(a.probeMarks) > len(groups) {
		clear(a.probeMarks) // some are gone: those that stay are asked once more
	}
	for _, g := range groups {
		if a.probeMarks[g.Name] != g.ProbeMarks {
			a.probeMarks[g.Name] = g.ProbeMarks
			moved[g.Name] = true
		}
	}
	if len(moved) == 0 {
		return nil
	}
	var services []*desired.Service
	for _, service := range a.desired.CheckedVia() {
		if _, changed := a.pending[service.Service.Key]; moved[service.Group] && !changed {
			services = append(services, service)
		}
	}
	return services
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
	begin := map[health.Target]monitor.Initial{}
	var unused []health.Target
	for target, initial := range touched {
		switch {
		case len(a.users[target]) == 0:
			unused = append(unused, target)
			a.openings.leave(target)
		case a.isOpen(target):
			begin[target] = initial
		default:
			a.openings.wait(target, initial)
		}
	}
	end := slices.DeleteFunc(unused, a.openings.retain)
	end = append(end, a.openings.over()...)
	if len(begin)+len(end) > 0 {
		a.health.Update(begin, end)
	}
}

// checkOpened begins the checks that waited for a path which is there now, in place of earlier ones of the same real servers.
func (a *Agent) checkOpened() {
	if len(a.openings.waiting) == 0 {
		return
	}
	begin := map[health.Target]monitor.Initial{}
	for target, initial := range a.openings.waiting {
		if a.isOpen(target) {
			begin[target] = initial
		}
	}
	for target := range begin {
		a.openings.leave(target)
	}
	if len(begin) > 0 {
		a.health.Update(begin, a.openings.over())
	}
}

// statusOf is what is known of a target. Of one that waits for its path it is what an earlier check says, or how it will begin.
func (a *Agent) statusOf(target health.Target) health.Status {
	if initial, waits := a.openings.waiting[target]; waits {
		if earlier, goesOn := a.openings.earlier[target.Address]; goesOn {
			target = earlier
		} else if initial == monitor.AdoptUp {
			return health.Status{State: health.Up}
		}
	}
	status, _ := a.health.State(target)
	return status
}

// pathSettings are the kernel settings that checks through IPVS need: on the Active director their answers come from an address that it has
// itself, the virtual IP, which the kernel takes for forged otherwise.
func (a *Agent) pathSettings() []plan.Setting {
	if len(a.desired.CheckedVia()) == 0 {
		return nil
	}
	return []plan.Setting{{Name: "net.ipv4.conf.all.accept_local", Value: "1"}}
}
