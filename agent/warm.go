// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"net/netip"
	"slices"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/desired"
	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

func (a *Agent) healthy(target health.Target) bool {
	status, ok := a.health.State(target)
	return ok && status.State == health.Up
}

// targets are the checks to run. A real server that is in the kernel was healthy when it got there; it stays until its
// checks fail.
func (a *Agent) targets(table ipvs.Table) map[health.Target]monitor.Initial {
	inKernel := map[ipvs.ServiceKey]map[netip.AddrPort]bool{}
	for _, entry := range table {
		there := map[netip.AddrPort]bool{}
		for _, d := range entry.Destinations {
			there[d.Key()] = true
		}
		inKernel[entry.Service.Key] = there
	}
	targets := map[health.Target]monitor.Initial{}
	for _, group := range a.desired.Groups {
		for _, service := range group.Services {
			for _, realServer := range service.RealServers {
				if !realServer.Checked {
					continue
				}
				if inKernel[service.Service.Key][realServer.Destination.Key()] {
					targets[realServer.Check] = monitor.AdoptUp
				} else if _, listed := targets[realServer.Check]; !listed {
					targets[realServer.Check] = monitor.StartDown
				}
			}
		}
	}
	return targets
}

// serves says whether a group has a service without a problem, or none at all: one that the kernel refuses must not keep the
// others from being served, and a director on which none works must leave the addresses to another.
func (a *Agent) serves(group string, problems []v1alpha1.Problem) bool {
	broken := map[string]bool{}
	for _, p := range problems {
		broken[p.Service] = true
	}
	i := slices.IndexFunc(a.desired.Groups, func(g desired.Group) bool { return g.Name == group })
	return i >= 0 && (len(a.desired.Groups[i].Services) == 0 ||
		slices.ContainsFunc(a.desired.Groups[i].Services, func(s desired.Service) bool { return !broken[s.ID] }))
}

// isWarm says whether a group may win an election: each of its real servers was checked once, or the checks have had their
// time.
func (a *Agent) isWarm(group string, now time.Time) bool {
	if now.Sub(a.firstSeen[group]) >= warmBound {
		return true
	}
	for _, g := range a.desired.Groups {
		if g.Name != group {
			continue
		}
		for _, service := range g.Services {
			if slices.ContainsFunc(service.RealServers, func(r desired.RealServer) bool { return r.Checked && !a.checked(r.Check) }) {
				return false
			}
		}
	}
	return true
}

func (a *Agent) checked(target health.Target) bool {
	status, ok := a.health.State(target)
	return ok && status.Checked
}
