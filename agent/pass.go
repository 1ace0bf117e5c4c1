// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// mostOperations is about how many operations one pass carries out on IPVS. What is more waits for the next pass, so that a
// virtual IP that has to come or go never waits for the whole of a long table.
const mostOperations = 10000

// pass brings the kernel a step nearer to the desired state: it compares what has changed, and from time to time looks for
// what somebody else has. The order of what it does is the bring-up order: services and real servers, then the right to win
// an election, then (in a later pass, when VRRP has decided) the virtual IPs, then gratuitous ARP.
func (a *Agent) pass(ctx context.Context, now time.Time) {
	a.takeView(ctx, now)
	if !a.known {
		a.audited = now
		return
	}
	a.metrics.passes.Inc()
	began := time.Now()
	defer func() { a.metrics.passTime.Observe(time.Since(began).Seconds()) }()

	wasDue := a.ledger.Due()
	a.routers.look(now)
	w := a.gather(ctx, now)
	a.remember(w)
	a.carryOut(ctx, w, now)
	a.checkOpened()
	ready := a.mayStart(now)
	a.judge(now, ready)
	if w.node && a.sync.follow(ctx, w.in.Daemons) {
		// Before a router starts, and after the daemons, which have to hear the answer.
		a.routers.refresh()
	}
	if a.nodeAsWanted != nil || w.node {
		a.routers.startAll(a.actual.Addresses, ready, now)
		a.routers.announce(a.actual.Addresses, w.steps.After)
		if a.mayHold() {
			a.routers.stake(a.masqueraded)
		}
		a.holds.follow(a.routers.runs())
	}
	a.routers.offerLowered(now)
	a.takeNews(now)
	a.goOn(wasDue)
}

// goOn asks for the next pass if this one left something to do that does not have to wait.
func (a *Agent) goOn(wasDue bool) {
	switch due := a.ledger.Due(); {
	case due && a.tableRead:
		a.kick()
	case wasDue && !due:
		// What waited for all services can come now: virtual IPs, and the word that all is applied.
		a.reportDue = true
		a.kickNode()
	}
}

// work is what one pass does.
type work struct {
	// node says that the node was compared; in and steps are of that.
	node  bool
	in    plan.In
	steps plan.Steps
	// services are operations on IPVS, and keys the services that they change.
	services []plan.Operation
	keys     []ipvs.ServiceKey
	// drifted are services that somebody else has changed; nodeDrifted: the node.
	drifted     map[ipvs.ServiceKey]bool
	nodeDrifted bool
}

// gather finds out what there is to do. The first pass of an agent does nothing but the node: virtual routers that were Active
// when an earlier agent was killed go on before a long table has been read.
func (a *Agent) gather(ctx context.Context, now time.Time) work {
	var w work
	first := a.nodeNeverRead
	if first {
		a.audited = now
	} else {
		a.gatherServices(ctx, now, &w)
	}
	if a.nodeKicked.Swap(false) || a.nodeDue || first {
		w.in, w.steps, w.node = a.readNode(ctx, now)
		w.nodeDrifted = w.node && a.nodeAsWanted != nil && wantsTheSame(*a.nodeAsWanted, w.in)
		a.nodeDue = !w.node
		if w.node && a.marksDue {
			// This pass brings the marks of the services that the one before changed: all is applied then.
			a.marksDue, a.reportDue = false, true
		}
		if first && w.node {
			a.nodeNeverRead = false
			a.kick()
		}
	}
	return w
}

// gatherServices finds out what there is to do in the IPVS table.
func (a *Agent) gatherServices(ctx context.Context, now time.Time, w *work) {
	usable := a.readTable(ctx, now)
	a.logTransitions(now)
	if usable {
		a.takeHealth(now)
	}
	if now.Sub(a.audited) >= a.resync {
		a.audited, a.nodeDue = now, true
		a.measure()
		if usable && !a.owned().IsZero() {
			w.drifted = a.search(ctx, now)
		}
	}
	if a.tableRead {
		w.services, w.keys = a.ledger.Plan(now, mostOperations)
	}
}

// search audits, and returns the services that somebody else has changed.
func (a *Agent) search(ctx context.Context, now time.Time) map[ipvs.ServiceKey]bool {
	changed, err := a.audit(ctx, now)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		a.tableProblems, a.reportDue = a.everyGroup(err), true
		// Without IPVS there is no table left that could be known.
		a.tableRead = !errors.Is(err, kernel.ErrNoIPVS)
	case len(a.tableProblems) > 0:
		a.tableProblems, a.reportDue = nil, true
	}
	drifted := make(map[ipvs.ServiceKey]bool, len(changed))
	for _, key := range changed {
		drifted[key] = true
	}
	return drifted
}

// carryOut applies the work, reads back, and notes what is left undone.
func (a *Agent) carryOut(ctx context.Context, w work, now time.Time) {
	operations := slices.Concat(w.steps.Before, w.services, w.steps.After)
	if len(operations) > 0 {
		failures := a.kernel.Apply(ctx, operations)
		if ctx.Err() != nil {
			// The agent stops: what it did not come to is no problem of the kernel.
			a.ledger.Distrust(w.keys)
			return
		}
		a.count(w, operations, failures)
		ofServices, ofNode := divide(failures)
		if len(w.keys) > 0 {
			a.settleServices(ctx, w.keys, ofServices, now)
		}
		if w.node && len(w.steps.Before)+len(w.steps.After) > 0 {
			a.settleNode(ctx, w.in, ofNode)
		}
		a.reportDue = true
	}
	a.settled(w)
}

// settled notes what is as it should be now.
func (a *Agent) settled(w work) {
	if w.node {
		if problems := a.readProblems(w.in); len(w.steps.Before)+len(w.steps.After) == 0 && !slices.Equal(problems, a.nodeProblems) {
			a.nodeProblems, a.reportDue = problems, true
		}
		a.nodeAsWanted = nil
		if len(a.nodeProblems) == 0 {
			a.nodeAsWanted = &w.in
		}
	}
	for key := range a.serviceProblems {
		if a.ledger.Settled(key) {
			delete(a.serviceProblems, key)
			a.reportDue = true
		}
	}
	if a.tableRead && !a.ledger.Due() && len(a.serviceProblems) == 0 && len(a.tableProblems) == 0 {
		a.releasing = ipvs.Ownership{}
	}
}

// settleServices reads services back, and notes what is left undone of each.
func (a *Agent) settleServices(ctx context.Context, keys []ipvs.ServiceKey, failures []kernel.Failure, now time.Time) {
	readings, err := a.kernel.Services(ctx, keys)
	if err != nil {
		a.ledger.Distrust(keys)
		if ctx.Err() == nil {
			a.tableProblems = a.everyGroup(err)
		}
		return
	}
	left := a.ledger.Settle(keys, readings, now)
	for _, key := range keys {
		delete(a.serviceProblems, key)
		// Marks go with the services that the kernel has.
		if key.Mark != 0 {
			a.marksDue = true
			a.kickNode()
		}
	}
	for _, failure := range failures {
		if !a.ledger.Settled(keyOf(failure.Operation)) {
			a.addServiceProblem(failure.Operation, failure.Err)
		}
	}
	for _, operation := range left {
		a.addServiceProblem(operation, errLeft{operation})
	}
}
