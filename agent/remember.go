// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"maps"

	"github.com/lvs-operator/lvs-operator/agent/checkpoint"
	"github.com/lvs-operator/lvs-operator/agent/desired"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// remember writes to the checkpoint what has changed, before the kernel is changed: once a setting is overwritten nobody else
// knows what it was. A disk that refuses is a problem to report and none to stop for.
func (a *Agent) remember(w work) {
	change := checkpoint.Change{Services: a.unsaved, Drains: a.changedDrains(), Standings: a.unsavedStandings}
	if w.node {
		a.found = foundNow(w)
		a.started = plan.StartedNow(w.in, w.steps.All())
		a.nodeUnsaved = true
	}
	if a.nodeUnsaved {
		change.Node = &checkpoint.Node{Node: a.desired.Node(), Found: a.found, Started: a.started, Owned: a.owned()}
	}
	err := a.checkpoints.Save(change)
	if err != nil {
		a.diskProblems = []v1alpha1.Problem{problem(v1alpha1.ProblemCheckpoint, "", "", fmt.Errorf("%w; until this is mended the agent cannot start without the API server", err))}
		a.reportDue = true
		return
	}
	a.reportDue = a.reportDue || len(a.diskProblems) > 0
	a.diskProblems, a.nodeUnsaved = nil, false
	if len(a.unsaved) > 0 {
		a.unsaved = map[ipvs.ServiceKey]*desired.Service{}
	}
	a.savedDrains(change.Drains)
	if len(a.unsavedStandings) > 0 {
		a.unsavedStandings = checkpoint.Standings{}
	}
}

// foundNow are the settings' values from before our first write, with those that the work is about to overwrite and without
// those that are themselves again.
func foundNow(w work) map[string]string {
	found := maps.Clone(w.in.Found)
	if found == nil {
		found = map[string]string{}
	}
	for _, name := range plan.Restored(w.in) {
		delete(found, name)
	}
	maps.Copy(found, plan.NewlyFound(w.in, w.steps.All()))
	return found
}

// changedDrains are the drains of the services of which one began or ended since they were last saved.
func (a *Agent) changedDrains() checkpoint.Drains {
	for _, key := range a.ledger.TakeDrainChanges() {
		a.unsavedDrains[key] = true
	}
	drains := checkpoint.Drains{}
	for key := range a.unsavedDrains {
		now := a.ledger.Drains(key)
		if len(now) > 0 || a.drains[key] {
			drains[key] = now
		}
	}
	return drains
}

// savedDrains notes that drains are in the checkpoint.
func (a *Agent) savedDrains(drains checkpoint.Drains) {
	if len(a.unsavedDrains) > 0 {
		a.unsavedDrains = map[ipvs.ServiceKey]bool{}
	}
	for key, now := range drains {
		if len(now) > 0 {
			a.drains[key] = true
		} else {
			delete(a.drains, key)
		}
	}
}
