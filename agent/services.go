// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"slices"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/desired"
	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// note notes services that are not what they were: for the checkpoint, and for the ledger once the table has been read.
func (a *Agent) note(changes []desired.Change) {
	for _, c := range changes {
		a.unsaved[c.Key] = c.After
		if earlier, pending := a.pending[c.Key]; pending {
			c.Before = earlier.Before
		}
		a.pending[c.Key] = c
	}
}

// takeChanges takes over the services that were noted: their checks, and what is wanted in the kernel. What is in the kernel
// already decides how checks begin, so the table has to be known.
func (a *Agent) takeChanges(now time.Time) {
	remarked := a.remarked()
	if len(a.pending)+len(remarked) == 0 {
		return
	}
	a.reportDue = true
	a.takeChecks(remarked, now)
	for key, c := range a.pending {
		if c.After != nil {
			a.want(c.After, now)
			continue
		}
		a.ledger.Unwant(key)
		delete(a.awaiting, key)
		a.dismiss(key)
		a.forget(key)
		delete(a.serviceProblems, key)
	}
	// A new map: one that was cleared keeps, and goes through, the room of the largest change.
	a.pending = map[ipvs.ServiceKey]desired.Change{}
}

// takeChecks takes over the checks of services that were noted, and of those whose paths through IPVS are to have other marks. What goes
// comes first, so that its marks are free.
func (a *Agent) takeChecks(remarked []*desired.Service, now time.Time) {
	touched := map[health.Target]monitor.Initial{}
	using := remarked
	for _, service := range remarked {
		a.unuse(service, touched)
	}
	for _, c := range a.pending {
		if before, after := c.Before, c.After; before == nil || after == nil || !before.ChecksAlike(after) {
			a.unuse(before, touched)
			using = append(using, after)
		}
	}
	a.sweepPaths(a.isProbeMark)
	for _, service := range using {
		a.use(service, touched, now)
	}
	a.sweepPaths(func(uint32) bool { return false })
	a.check(touched)
}

// want makes the service wanted in the kernel as the health of its real servers is now.
func (a *Agent) want(service *desired.Service, now time.Time) {
	decision := a.decide(service, a.awaitsChecks(service, now), now)
	a.ledger.Want(service.Wanted(decision), now)
	a.countService(service, decision)
}

// awaitsChecks says whether a service gets no real server yet, because each one's first check decides on the order of all. They
// come in one go, sorted, so that directors of which each asks at moments of its own begin alike: where the scheduler looks at the
// order, and while the group is new, when nobody waits for them before its routers may start. It ends with the last of the first
// checks, and after warmBound at the latest.
func (a *Agent) awaitsChecks(service *desired.Service, now time.Time) bool {
	key := service.Service.Key
	known, _ := a.ledger.Known(key)
	young := now.Sub(a.firstSeen[service.Group]) < warmBound
	if !young && !service.Service.OrderCounts() || len(known.Destinations) > 0 || a.allChecked(service) {
		delete(a.awaiting, key)
		return false
	}
	since, awaits := a.awaiting[key]
	if !awaits {
		since = now
		a.awaiting[key] = now
	}
	return now.Sub(since) < warmBound
}

// use makes the service a user of its checks, and adds to touched how those begin that nobody used before.
func (a *Agent) use(service *desired.Service, touched map[health.Target]monitor.Initial, now time.Time) {
	if service == nil || service.Check == nil {
		return
	}
	key := service.Service.Key
	known, _ := a.ledger.Known(key)
	for _, d := range service.Destinations {
		a.enter(service, d, now)
		target, _ := a.target(service, d)
		a.users[target] = append(a.users[target], key)
		if a.adopts(service, d, known, now) {
			touched[target] = monitor.AdoptUp
		} else if _, listed := touched[target]; !listed {
			touched[target] = monitor.StartDown
		}
	}
}

// unuse ends the service's use of its checks, and adds them to touched.
func (a *Agent) unuse(service *desired.Service, touched map[health.Target]monitor.Initial) {
	if service == nil || service.Check == nil {
		return
	}
	for _, d := range service.Destinations {
		target, _ := a.target(service, d)
		a.leave(service, d)
		left := slices.DeleteFunc(a.users[target], func(key ipvs.ServiceKey) bool { return key == service.Service.Key })
		if len(left) > 0 {
			a.users[target] = left
		} else {
			delete(a.users, target)
		}
		if _, listed := touched[target]; !listed {
			touched[target] = monitor.StartDown
		}
	}
}

// takeHealth makes what checks found since the last pass wanted in the kernel.
func (a *Agent) takeHealth(now time.Time) {
	changed := map[ipvs.ServiceKey]bool{}
	for _, target := range a.health.TakeChanged() {
		for _, key := range a.users[target] {
			changed[key] = true
		}
		for later := range a.openings.after(target) {
			for _, key := range a.users[later] {
				changed[key] = true
			}
		}
	}
	for key, since := range a.awaiting {
		if now.Sub(since) >= warmBound {
			changed[key] = true
		}
	}
	for key, due := a.expected.take(now); due; key, due = a.expected.take(now) {
		changed[key] = true
	}
	for key := range changed {
		if service := a.desired.Service(key); service != nil {
			a.want(service, now)
			a.reportDue = true
		}
	}
}

// serves says whether the kernel has a service of a group, or the group has none at all: what the kernel refuses must not keep
// the rest from being served, and a director on which nothing works must leave the addresses to another.
func (a *Agent) serves(group string) bool {
	counted, has := a.groups[group]
	if !has {
		return true
	}
	for key := range counted.members {
		if _, there := a.ledger.Known(key); there {
			return true
		}
	}
	return false
}

// isWarm says whether a group may win an election: each of its real servers was checked once, or the checks have had their
// time.
func (a *Agent) isWarm(group string, now time.Time) bool {
	if now.Sub(a.firstSeen[group]) >= warmBound {
		return true
	}
	counted, has := a.groups[group]
	if !has {
		return true
	}
	for key := range counted.members {
		if service := a.desired.Service(key); service != nil && !a.allChecked(service) {
			return false
		}
	}
	return true
}

// allChecked says whether each of a service's real servers was checked once, or none is checked at all.
func (a *Agent) allChecked(service *desired.Service) bool {
	return service.Check == nil || !slices.ContainsFunc(service.Destinations, func(d ipvs.Destination) bool {
		target, _ := a.target(service, d)
		return !a.statusOf(target).Checked
	})
}

// mayStart says whether a group's virtual routers may take part in elections: its services are in the kernel, with their marks, and
// warm, and their links are there. It goes through the services once a group.
func (a *Agent) mayStart(now time.Time) func(group string) bool {
	inKernel := a.tableRead && !a.ledger.Due() && !a.marksDue && len(a.tableProblems) == 0
	asked := map[string]bool{}
	return func(group string) bool {
		ready, known := asked[group]
		if !known {
			ready = inKernel && a.serves(group) && a.isWarm(group, now) && a.routers.linked(group, a.actual)
			asked[group] = ready
		}
		return ready
	}
}
