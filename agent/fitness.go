// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"slices"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/desired"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// fitness is how well a director can serve a group, the best first.
type fitness int

const (
	fit fitness = iota
	// blind sees all of the group's real servers dead, or so few of a service alive that it sends to the dead ones or withdraws the virtual
	// IP. If they are, every director is blind.
	blind
	// unprogrammed cannot read the IPVS table, or has not one of the group's services in it.
	unprogrammed
	// severed cannot use the interface of a virtual router that moves together with the group's.
	severed
)

// unfitFor is how long a director has to be less fit before it says so: as long as an audit may take to find a kernel in order
// again, and for the other directors to find the same real servers dead.
const unfitFor = 5 * time.Second

// priority is the VRRP priority of a director that is configured with one. Who can serve wins over who cannot, wherever configured
// priorities are less than four times of each other; among equals their order stays, so that real servers that are dead for all
// move nothing. Priority 255 is that of the addresses' owner, who has no other (RFC 9568 section 5.2.4).
func (f fitness) priority(configured uint8) uint8 {
	switch {
	case configured == vrrp.PriorityOwner:
		return configured
	case f == blind:
		return max(1, configured/4)
	case f == unprogrammed:
		return max(1, configured/16)
	case f == severed:
		return 1
	default:
		return configured
	}
}

// reason is the API's word for what lowers the priority, and empty where nothing does.
func (f fitness) reason() string {
	switch f {
	case blind:
		return v1alpha1.LoweredRealServersDown
	case unprogrammed:
		return v1alpha1.LoweredNotProgrammed
	case severed:
		return v1alpha1.LoweredLinkDown
	default:
		return ""
	}
}

// judgement is what an agent thinks of its fitness for one group.
type judgement struct {
	found fitness
	since time.Time
	// stands is what its virtual routers say.
	stands fitness
}

// follow takes over what was found. Getting better stands at once, and so does a link that has failed, and anything before a router
// runs: a director that cannot serve must not win first. Getting worse otherwise has to last.
func (j judgement) follow(found fitness, runs bool, now time.Time) judgement {
	if found != j.found {
		j.found, j.since = found, now
	}
	if !runs || found < j.stands || found == severed || now.Sub(j.since) >= unfitFor {
		j.stands = found
	}
	return j
}

// judge lowers the priority in groups that this director cannot serve, and raises it again. ready says whether a group's routers may
// start: before that there is nothing to judge.
func (a *Agent) judge(now time.Time, ready func(group string) bool) {
	groups := a.desired.Node().Groups
	for name := range a.judgements {
		if !slices.ContainsFunc(groups, func(g desired.Group) bool { return g.Name == name }) {
			delete(a.judgements, name)
			a.routers.judge(name, fit)
		}
	}
	for _, group := range groups {
		before, runs := a.judgements[group.Name], a.routers.run(group.Name)
		if !runs && !ready(group.Name) {
			continue
		}
		j := before.follow(a.fitness(group.Name, now), runs, now)
		a.judgements[group.Name] = j
		if j.stands == before.stands {
			continue
		}
		if j.stands == fit {
			a.log.Info("this director can serve the group again: its VRRP priority is the configured one", "group", group.Name)
		} else {
			a.log.Warn("this director cannot serve the group: its VRRP priority is lowered", "group", group.Name, "reason", j.stands.reason())
		}
		a.routers.judge(group.Name, j.stands)
		a.reportDue = true
	}
}

// fitness is how well this director can serve a group now. A table that is still being read for the first time says nothing.
func (a *Agent) fitness(group string, now time.Time) fitness {
	counted, has := a.groups[group]
	switch {
	case a.routers.severed(group):
		return severed
	case !has:
		return fit
	case len(a.tableProblems) > 0 || a.tableRead && !a.serves(group):
		return unprogrammed
	case counted.doubtful > 0, counted.realServers > 0 && counted.healthy == 0 && a.isWarm(group, now):
		return blind
	default:
		return fit
	}
}
