// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"slices"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/checkpoint"
	"github.com/lvs-operator/lvs-operator/agent/desired"
	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/serving"
)

// standing is how a service stands with the health of its real servers.
type standing struct {
	serving.State
	// kept is what the checkpoint has of it, or will have at the end of the pass.
	kept        serving.Memory
	consequence serving.Consequence
	// uncheckedSince is since when there are real servers that were never checked; zero: there are none.
	uncheckedSince time.Time
}

// decide says what a service is to have in the kernel, given the health of its real servers; where it awaits their first checks, as if
// none was healthy.
func (a *Agent) decide(service *desired.Service, awaits bool, now time.Time) serving.Decision {
	key := service.Service.Key
	s := a.standingOf(service, now)
	waited := !s.uncheckedSince.IsZero() && now.Sub(s.uncheckedSince) >= warmBound
	d := s.Decide(now, serving.Service{Destinations: service.Destinations, Policy: service.Policy, Waited: waited && !awaits},
		func(of ipvs.Destination) serving.Health {
			if awaits {
				return serving.Health{}
			}
			return a.healthOf(service, of)
		})
	if kept := s.Memory().Kept(service.Policy); kept != s.kept {
		s.kept, a.unsavedStandings[key] = kept, kept
	}
	a.expected.set(key, s.nextDecision(d, waited, now))
	a.follow(service, s, d)
	return d
}

// standingOf is how a service stands; at the beginning as an earlier agent left it.
func (a *Agent) standingOf(service *desired.Service, now time.Time) *standing {
	key := service.Service.Key
	if s, known := a.standings[key]; known {
		return s
	}
	whole := serving.Service{Destinations: service.Destinations, Policy: service.Policy}
	var there []ipvs.Destination
	if service.Check != nil && !check.Weighs(service.Check.Spec.Check) {
		known, _ := a.ledger.Known(key)
		there = known.Destinations
	}
	restored := a.restoredStandings[key]
	s := &standing{State: serving.Resume(now, whole, restored, there), kept: restored}
	delete(a.restoredStandings, key)
	a.standings[key] = s
	return s
}

// restoreStandings takes over how services stood with an earlier agent. Virtual IPs that were withdrawn stay so.
func (a *Agent) restoreStandings(standings checkpoint.Standings) {
	a.restoredStandings = standings
	for key, memory := range standings {
		if service := a.desired.Service(key); service != nil && service.Policy.Withdraw && memory.Lost {
			a.withdraw(key)
		}
	}
}

// nextDecision is when the service is due for another decision though nothing changes: where first checks are waited for, when that is over.
func (s *standing) nextDecision(d serving.Decision, waited bool, now time.Time) time.Time {
	switch {
	case d.Checked:
		s.uncheckedSince = time.Time{}
	case s.uncheckedSince.IsZero():
		s.uncheckedSince = now
	}
	wait := s.uncheckedSince.Add(warmBound)
	if d.Checked || waited || !d.Next.IsZero() && d.Next.Before(wait) {
		return d.Next
	}
	return wait
}

// healthOf is what the checks say of one of a service's real servers.
func (a *Agent) healthOf(service *desired.Service, d ipvs.Destination) serving.Health {
	target, isChecked := a.target(service, d)
	if !isChecked {
		return serving.Health{Up: true, Checked: true, Weight: d.Weight}
	}
	status := a.statusOf(target)
	h := serving.Health{Up: status.State == health.Up, Checked: status.Checked, Weight: d.Weight}
	if status.Weight.Given {
		h.Weight = status.Weight.Value
	}
	weighs := h.Up && !h.Checked && check.Weighs(target.Spec.Check)
	if weighs || service.Policy.Guard > 0 {
		known, _ := a.ledger.Known(service.Service.Key)
		i, there := slices.BinarySearchFunc(known.Destinations, d, ipvs.Destination.Compare)
		if h.There = there; there && weighs {
			// It was in the kernel when this agent started, with the weight that it gave itself.
			h.Weight = known.Destinations[i].Weight
		}
	}
	return h
}

// follow takes over what a decision means beside the kernel's table: who may have the virtual IP, and what is logged.
func (a *Agent) follow(service *desired.Service, s *standing, d serving.Decision) {
	if s.consequence == d.Consequence {
		return
	}
	a.logConsequence(service, d)
	s.consequence = d.Consequence
	a.reportDue = true
	key := service.Service.Key
	if d.Consequence == serving.Withdrawn {
		a.withdraw(key)
	} else {
		a.offer(key)
	}
}

// withdraw has the virtual IP of a service go.
func (a *Agent) withdraw(key ipvs.ServiceKey) {
	if _, is := a.withdrawn[key]; is {
		return
	}
	a.withdrawn[key] = struct{}{}
	a.routers.withdrawn[key.Address]++
	a.kickNode()
}

// offer has it come back as far as this service is concerned.
func (a *Agent) offer(key ipvs.ServiceKey) {
	if _, is := a.withdrawn[key]; !is {
		return
	}
	delete(a.withdrawn, key)
	if a.routers.withdrawn[key.Address]--; a.routers.withdrawn[key.Address] == 0 {
		delete(a.routers.withdrawn, key.Address)
	}
	a.kickNode()
}

// dismiss forgets how a service stood that is no longer wanted.
func (a *Agent) dismiss(key ipvs.ServiceKey) {
	kept := a.restoredStandings[key]
	if s, known := a.standings[key]; known {
		kept = s.kept
	}
	if kept != (serving.Memory{}) {
		a.unsavedStandings[key] = serving.Memory{}
	}
	delete(a.standings, key)
	delete(a.restoredStandings, key)
	a.expected.set(key, time.Time{})
	a.offer(key)
}

// adopts says whether a real server begins as one that is up: it is in the kernel, where it got when it was healthy, and stays until its
// checks fail. In three cases it may be there and be down: with weight 0 where that is inhibited, as the sorry server, and where connections
// went to all.
func (a *Agent) adopts(service *desired.Service, d ipvs.Destination, known ipvs.Entry, now time.Time) bool {
	i, there := slices.BinarySearchFunc(known.Destinations, d, ipvs.Destination.Compare)
	if !there {
		return false
	}
	memory := a.standingOf(service, now).Memory()
	switch {
	case service.Policy.Inhibit && known.Destinations[i].Weight == 0 && d.Weight > 0:
		return false
	case memory.Lost && d.Key() == service.Policy.Sorry.Key(), memory.Guarded && service.Policy.Guard > 0:
		return false
	}
	return true
}
