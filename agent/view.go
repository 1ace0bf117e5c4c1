// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/desired"
)

// takeView makes what the API server says anew the desired state, if its view is complete.
func (a *Agent) takeView(ctx context.Context, now time.Time) {
	if a.views.Connected() {
		a.metrics.connected.Set(1)
	}
	view, complete := a.views.Changes(ctx)
	if !complete {
		a.warnIncomplete(now)
		return
	}
	a.incompleteSince = time.Time{}
	a.metrics.complete.Set(1)
	if !view.NodeChanged && len(view.Services) == 0 && len(view.RealServers) == 0 {
		return
	}
	before := a.desired.Node().Owned()
	if view.NodeChanged || !a.known || a.generation == 0 {
		a.desired.SetNode(view.Node, desired.Passwords(view.Passwords))
	}
	for name, slice := range view.RealServers {
		a.desired.SetRealServerSlice(name, slice)
	}
	for name, slice := range view.Services {
		a.desired.SetServiceSlice(name, slice)
	}
	changes := a.desired.Commit()
	a.known = true
	a.nodeDue = a.nodeDue || changes.Node
	a.ownership(before)
	a.note(changes.Services)
	a.noteNode(view.Node.Generation, now)
	if a.uid != view.Node.UID {
		a.uid = view.Node.UID
		a.reports.Forget()
	}
	a.reportDue = true
}

// noteNode notes which generation of the NodeState is desired.
func (a *Agent) noteNode(generation int64, now time.Time) {
	if a.generation != generation {
		a.log.Info("the API server says what this node has to do", "generation", generation,
			"directorGroups", len(a.desired.Node().Groups), "services", a.desired.Len(),
			"realServerAddresses", len(a.desired.Node().RealServerAddresses))
	}
	a.generation = generation
	a.noteGroups(now)
}

// noteGroups notes when each group became part of the desired state.
func (a *Agent) noteGroups(now time.Time) {
	seen := map[string]time.Time{}
	for _, group := range a.desired.Node().Groups {
		if at, known := a.firstSeen[group.Name]; known {
			seen[group.Name] = at
		} else {
			seen[group.Name] = now
		}
	}
	a.firstSeen = seen
}

// warnIncomplete says once that the API server answers and does not tell all: a right that the agent lacks, most likely.
func (a *Agent) warnIncomplete(now time.Time) {
	switch {
	case !a.views.Connected():
		a.incompleteSince = time.Time{}
	case a.incompleteSince.IsZero():
		a.incompleteSince = now
	case !a.warned && now.Sub(a.incompleteSince) > incompleteBound:
		a.warned = true
		a.log.Warn("the API server answers and does not tell this node all that it needs: what was desired before stays in force; check that the NodeState exists, and the agent's rights on slices and on Secrets of the operator's namespace")
	}
}
