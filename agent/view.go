// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/desired"
)

// takeView makes the API server's newest view the desired state, if it is complete.
func (a *Agent) takeView(ctx context.Context) {
	if a.views.Connected() {
		a.metrics.connected.Set(1)
	}
	version := a.views.Version()
	if a.seen != nil && *a.seen == version {
		return
	}
	view, complete := a.views.View(ctx)
	if !complete {
		a.warnIncomplete()
		return
	}
	a.seen, a.incompleteSince = &version, time.Time{}
	a.metrics.complete.Set(1)
	var previous *desired.State
	if a.known {
		previous = &a.desired
	}
	state, problems := desired.Build(desired.In{
		Node: view.Node, ServiceSlices: view.Services, RealServerSlices: view.RealServers,
		Passwords: view.Passwords, Previous: previous,
	})
	if a.known {
		a.releasing = difference(append(a.releasing, a.desired.Owned()...), state.Owned())
	}
	a.known, a.desired = true, state
	if a.generation != view.Node.Generation {
		a.log.Info("the API server says what this node has to do", "generation", view.Node.Generation, "directorGroups", len(state.Groups),
			"realServerAddresses", len(state.RealServerAddresses))
	}
	a.generation, a.unusable = view.Node.Generation, problems
	if a.uid != view.Node.UID {
		a.uid = view.Node.UID
		a.reports.Forget()
	}
	a.noteGroups()
}

// noteGroups notes when each group became part of the desired state.
func (a *Agent) noteGroups() {
	seen := map[string]time.Time{}
	for _, group := range a.desired.Groups {
		if at, known := a.firstSeen[group.Name]; known {
			seen[group.Name] = at
		} else {
			seen[group.Name] = time.Now()
		}
	}
	a.firstSeen = seen
}

// warnIncomplete says once that the API server answers and does not tell all: a right that the agent lacks, most likely.
func (a *Agent) warnIncomplete() {
	switch {
	case !a.views.Connected():
		a.incompleteSince = time.Time{}
	case a.incompleteSince.IsZero():
		a.incompleteSince = time.Now()
	case !a.warned && time.Since(a.incompleteSince) > incompleteBound:
		a.warned = true
		a.log.Warn("the API server answers and does not tell this node all that it needs: what was desired before stays in force; check that the NodeState exists, and the agent's rights on slices and on Secrets of the operator's namespace")
	}
}

// difference is what list has and without has not.
func difference(list, without []netip.Prefix) []netip.Prefix {
	return slices.DeleteFunc(slices.Clone(list), func(p netip.Prefix) bool { return slices.Contains(without, p) })
}
