// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"net/netip"
	"slices"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/desired"
	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/serving"
)

// standing is how a service stands with the health of its real servers.
type standing struct {
	serving.State
	consequence serving.Consequence
	// uncheckedSince is since when there are real servers that were never checked; zero: there are none.
	uncheckedSince time.Time
}

// decide says what a service is to have in the kernel, given the health of its real servers; where it awaits their first checks, as if
// none was healthy.
func (a *Agent) decide(service *desired.Service, awaits bool, now time.Time) serving.Decision {
	key := service.Service.Key
	s, known := a.standings[key]
	if !known {
		entry, _ := a.ledger.Known(key)
		s = &standing{State: serving.Resume(service.Policy, entry.Destinations)}
		a.standings[key] = s
	}
	waited := !s.uncheckedSince.IsZero() && now.Sub(s.uncheckedSince) >= warmBound
	d := s.Decide(now, serving.Service{Destinations: service.Destinations, Policy: service.Policy, Waited: waited && !awaits},
		func(of ipvs.Destination) serving.Health {
			if awaits {
				return serving.Health{}
			}
			return a.healthOf(service, of)
		})
	a.expected.set(key, s.nextDecision(d, waited, now))
	a.follow(service, s, d)
	return d
}

// nextDecision is when the service is due for another decision though nothing changes: where first checks are waited for, when that is over.
func (s *standing) nextDecision(d serving.Decision, waited bool, now time.Time) time.Time {
	switch {
	case d.Checked:
		s.uncheckedSince = time.Time{}
	case s.uncheckedSince.IsZero():
		s.uncheckedSince = now
	}
	if d.Checked || waited {
		return d.Next
	}
	return s.uncheckedSince.Add(warmBound)
}

// healthOf is what the checks say of one of a service's real servers.
func (a *Agent) healthOf(service *desired.Service, d ipvs.Destination) serving.Health {
	target, isChecked := a.target(service, d)
	if !isChecked {
		return serving.Health{Up: true, Checked: true, Weight: d.Weight}
	}
	status := a.statusOf(target)
	h := serving.Health{Up: status.State == health.Up, Checked: status.Checked, Weight: d.Weight}
	switch {
	case status.Weight.Given:
		h.Weight = status.Weight.Value
	case h.Up && !h.Checked && check.Weighs(target.Spec.Check):
		// It was in the kernel when this agent started, with the weight that it gave itself.
		known, _ := a.ledger.Known(service.Service.Key)
		if i, there := slices.BinarySearchFunc(known.Destinations, d, ipvs.Destination.Compare); there {
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
	log := a.log.Warn
	if d.Consequence == serving.None {
		log = a.log.Info
	}
	log("health of a service: "+d.Consequence.String(), "service", service.ID, "healthy", d.Healthy, "realServers", len(service.Destinations))
	s.consequence = d.Consequence
	a.reportDue = true
	key := service.Service.Key
	_, was := a.withdrawn[key]
	if is := d.Consequence == serving.Withdrawn; is != was {
		a.withdraw(key, is)
	}
}

// withdraw has the virtual IP of a service go, or come back as far as this service is concerned.
func (a *Agent) withdraw(key ipvs.ServiceKey, gone bool) {
	if gone {
		a.withdrawn[key] = struct{}{}
	} else {
		delete(a.withdrawn, key)
	}
	addresses := map[netip.Addr]bool{}
	for key := range a.withdrawn {
		addresses[key.Address] = true
	}
	a.routers.withdrawn = addresses
	a.kickNode()
}

// dismiss forgets how a service stood that is no longer wanted.
func (a *Agent) dismiss(key ipvs.ServiceKey) {
	delete(a.standings, key)
	a.expected.set(key, time.Time{})
	if _, gone := a.withdrawn[key]; gone {
		a.withdraw(key, false)
	}
}

// adopts says whether a real server begins as one that is up: it is in the kernel, where it got when it was healthy, and stays until its
// checks fail. One that was down is there as well where that is inhibited, with weight 0; so is one that drains, which was not.
func (a *Agent) adopts(service *desired.Service, d ipvs.Destination, known ipvs.Entry) bool {
	i, there := slices.BinarySearchFunc(known.Destinations, d, ipvs.Destination.Compare)
	if !there || known.Destinations[i].Weight > 0 || d.Weight == 0 || !service.Policy.Inhibit {
		return there
	}
	_, drains := a.ledger.Drains(service.Service.Key)[d.Key()]
	return drains
}
