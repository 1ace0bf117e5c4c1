// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/lvs-operator/lvs-operator/agent/checkpoint"
	"github.com/lvs-operator/lvs-operator/agent/desired"
	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// memory is what the loop keeps from pass to pass.
type memory struct {
	// known says that desired is what this node has to do: from the API server, or from the checkpoint.
	known   bool
	desired *desired.Store
	// generation of the NodeState in desired; 0: desired is from the checkpoint.
	generation int64
	// uid of that NodeState.
	uid types.UID
	// firstSeen is when each director group became part of desired.
	firstSeen map[string]time.Time
	// judgements are of this director's fitness, by director group.
	judgements map[string]judgement
	// awaiting are the services that get no real server before all were checked once, and since when.
	awaiting map[ipvs.ServiceKey]time.Time
	// standings are how the services stand that are wanted; expected is when one is due for a decision though nothing changes.
	standings map[ipvs.ServiceKey]*standing
	expected  deadlines
	// withdrawn are the services that want their virtual IP gone.
	withdrawn map[ipvs.ServiceKey]struct{}
	// unsavedStandings are those that changed since they were last in the checkpoint; restoredStandings are those of the checkpoint, until a
	// service is decided about.
	unsavedStandings, restoredStandings checkpoint.Standings
	// incompleteSince is since when the API server answers and the view is incomplete; zero: it is complete.
	incompleteSince time.Time
	// warned says that it was logged.
	warned bool

	// ledger compares IPVS services; it is of use once tableRead.
	ledger    *plan.Ledger
	tableRead bool
	// users are the services of each health check.
	users map[health.Target][]ipvs.ServiceKey
	// paths are the ways of checks through IPVS, openings the checks whose path is not in the kernel yet, and probeMarks the marks of each
	// director group when its services' paths were last given theirs.
	paths      paths
	openings   openings
	probeMarks map[string]ipvs.MarkRange
	// pending are services that changed and that the ledger does not know of yet.
	pending map[ipvs.ServiceKey]desired.Change
	// unsaved are services that changed since they were last in the checkpoint, and nodeUnsaved says that the node may have;
	// drains are those with drains in the checkpoint.
	unsaved     map[ipvs.ServiceKey]*desired.Service
	nodeUnsaved bool
	drains      map[ipvs.ServiceKey]bool
	// unsavedDrains are services of which a drain began or ended since they were last in the checkpoint.
	unsavedDrains map[ipvs.ServiceKey]bool
	// restoredDrains are those of the checkpoint, until the table is read.
	restoredDrains checkpoint.Drains

	// nodeDue says that what is not an IPVS service has to be compared in the next pass.
	nodeDue bool
	// echoDue is when a pass reads the node because the kernel told of a change; zero: it told of none.
	echoDue time.Time
	// nodeNeverRead says that this agent has not read the node yet.
	nodeNeverRead bool
	// marksDue says that services by mark were changed since the node was compared: their marks follow.
	marksDue bool
	// marksLeft says that there may be marks, routes or rules of ours.
	marksLeft bool
	// closedLeft says that virtual IPs may be closed by us.
	closedLeft bool
	// linksLeft says that there may be links of ours.
	linksLeft bool
	// actual is what the kernel had of it when it was last read.
	actual plan.Actual
	// found are settings' values before our first write.
	found map[string]string
	// started are the sync daemons of ours.
	started []ipvs.Daemon
	// releasing is what was ours and may still hold services of ours.
	releasing ipvs.Ownership
	// nodeAsWanted says that the last comparison of the node left nothing undone and that the same is wanted since: what the
	// kernel shows differently is somebody else's doing.
	nodeAsWanted *plan.In

	// audited is when the last audit took place; listing is the round under way, unseen what that round did not show, and
	// unsettledAfter the last unsettled service that was read.
	audited        time.Time
	listing        Listing
	unseen         []ipvs.ServiceKey
	unsettledAfter ipvs.ServiceKey

	// problems of services by key, of the node, and of the checkpoint.
	serviceProblems map[ipvs.ServiceKey]v1alpha1.Problem
	nodeProblems    []v1alpha1.Problem
	tableProblems   []v1alpha1.Problem
	diskProblems    []v1alpha1.Problem
	// refused are the messages of the last report's problems.
	refused map[string]bool

	transitionLog transitionLog

	tally
	applied applied
	// reportDue says that there may be something new to report, reportNotBefore when.
	reportDue       bool
	reportNotBefore time.Time
}

func newMemory() memory {
	return memory{
		desired: desired.NewStore(), ledger: plan.NewLedger(), users: map[health.Target][]ipvs.ServiceKey{},
		paths: newPaths(), openings: newOpenings(), probeMarks: map[string]ipvs.MarkRange{},
		pending: map[ipvs.ServiceKey]desired.Change{}, unsaved: map[ipvs.ServiceKey]*desired.Service{},
		nodeNeverRead: true, linksLeft: true, unsavedDrains: map[ipvs.ServiceKey]bool{},
		firstSeen: map[string]time.Time{}, judgements: map[string]judgement{}, awaiting: map[ipvs.ServiceKey]time.Time{},
		standings: map[ipvs.ServiceKey]*standing{}, withdrawn: map[ipvs.ServiceKey]struct{}{},
		unsavedStandings: checkpoint.Standings{},
		drains:           map[ipvs.ServiceKey]bool{}, found: map[string]string{},
		serviceProblems: map[ipvs.ServiceKey]v1alpha1.Problem{}, tally: newTally(),
	}
}

// recall takes over what an earlier agent on this node knew. Without a checkpoint the agent waits for the API server.
func (a *Agent) recall(c checkpoint.Checkpoint, err error) {
	switch {
	case errors.Is(err, checkpoint.ErrAbsent):
		a.log.Info("no checkpoint: waiting for the API server")
		return
	case err != nil:
		a.log.Error("the checkpoint cannot be used: waiting for the API server", "error", err)
		return
	}
	a.desired.Restore(c.Node.Node, c.Services)
	a.known, a.nodeDue, a.marksLeft, a.closedLeft, a.restoredDrains = true, true, true, true, c.Drains
	if c.Node.Found != nil {
		a.found = c.Node.Found
	}
	a.started = c.Node.Started
	a.holds.left = len(c.Node.Node.Groups) > 0
	a.releasing = c.Node.Owned.Without(c.Node.Node.Owned())
	a.note(a.desired.Commit().Services)
	a.unsaved = map[ipvs.ServiceKey]*desired.Service{}
	for key := range c.Drains {
		a.drains[key] = true
	}
	a.restoreStandings(c.Standings)
	a.noteGroups(time.Now())
	a.log.Info("serving from the checkpoint until the API server has been seen", "directorGroups", len(c.Node.Node.Groups), "services", len(c.Services))
}

// owned says which IPVS services are ours, those of what was given up included.
func (a *Agent) owned() ipvs.Ownership { return ipvs.Union(a.desired.Node().Owned(), a.releasing) }
