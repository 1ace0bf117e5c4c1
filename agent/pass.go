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
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
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

	auditing := now.Sub(a.audited) >= a.resync
	w := a.gather(ctx, now, auditing)
	a.remember(w)
	a.carryOut(ctx, w, now)
	if a.nodeAsWanted != nil || w.node {
		ready := func(group string) bool { return a.mayStart(group, now) }
		a.routers.startAll(a.actual.Addresses, ready)
		a.routers.announce(a.actual.Addresses, w.steps.After)
	}
	if a.ledger.Due() {
		a.kick()
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

// gather finds out what there is to do.
func (a *Agent) gather(ctx context.Context, now time.Time, auditing bool) work {
	var w work
	usable := a.readTable(ctx, now)
	if usable {
		a.takeHealth(now)
	}
	if auditing {
		a.audited, a.nodeDue = now, true
	}
	if usable && auditing && !a.owned().IsZero() {
		w.drifted = a.search(ctx, now)
	}
	if a.nodeKicked.Swap(false) || a.nodeDue {
		a.nodeDue = false
		w.in, w.steps, w.node = a.readNode(ctx, now)
		w.nodeDrifted = w.node && a.nodeAsWanted != nil && wantsTheSame(*a.nodeAsWanted, w.in)
	}
	if a.tableRead {
		w.services, w.keys = a.ledger.Plan(now, mostOperations)
	}
	return w
}

// search audits, and returns the services that somebody else has changed.
func (a *Agent) search(ctx context.Context, now time.Time) map[ipvs.ServiceKey]bool {
	changed, err := a.audit(ctx, now)
	if err != nil {
		a.tableProblems = a.everyGroup(err)
		// Without IPVS there is no table left that could be known.
		a.tableRead = !errors.Is(err, kernel.ErrNoIPVS)
		a.reportDue = true
	} else if len(a.tableProblems) > 0 {
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
	if len(operations) == 0 {
		a.settled(w)
		return
	}
	failures := a.kernel.Apply(ctx, operations)
	a.count(w, operations, failures)
	ofServices, ofNode := divide(failures)
	if len(w.keys) > 0 {
		a.settleServices(ctx, w.keys, ofServices, now)
	}
	if w.node && len(w.steps.Before)+len(w.steps.After) > 0 {
		a.settleNode(ctx, w.in, ofNode)
	}
	a.settled(w)
	a.reportDue = true
}

// settled notes what is as it should be now.
func (a *Agent) settled(w work) {
	if w.node {
		if len(w.steps.Before)+len(w.steps.After) == 0 && len(a.nodeProblems) > 0 {
			a.nodeProblems, a.reportDue = nil, true
		}
		a.nodeAsWanted = nil
		if len(a.nodeProblems) == 0 {
			a.nodeAsWanted = &w.in
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
		a.tableProblems = a.everyGroup(err)
		return
	}
	left := a.ledger.Settle(keys, readings, now)
	for _, key := range keys {
		delete(a.serviceProblems, key)
	}
	for _, failure := range failures {
		a.addServiceProblem(failure.Operation, failure.Err)
	}
	for _, operation := range left {
		a.addServiceProblem(operation, errLeft{operation})
	}
}

// addServiceProblem notes what is left undone of a service: the first of what there is.
func (a *Agent) addServiceProblem(operation plan.Operation, err error) {
	key := keyOf(operation)
	if _, listed := a.serviceProblems[key]; listed {
		return
	}
	group, id := "", ""
	if service := a.desired.Service(key); service != nil {
		group, id = service.Group, service.ID
	}
	a.serviceProblems[key] = problem(v1alpha1.ProblemKernel, group, id, err)
}

// errLeft is an operation that the kernel took and that reads back otherwise.
type errLeft struct{ operation plan.Operation }

// Error says what is left to do.
func (e errLeft) Error() string {
	return "the kernel took what it was told and reads back otherwise; still to do: " + e.operation.String()
}

// divide separates the failures of IPVS services from those of the node.
func divide(failures []kernel.Failure) (services, node []kernel.Failure) {
	for _, failure := range failures {
		if keyOf(failure.Operation) != (ipvs.ServiceKey{}) {
			services = append(services, failure)
		} else {
			node = append(node, failure)
		}
	}
	return services, node
}

// keyOf is the service that an operation changes; the zero key: none.
func keyOf(operation plan.Operation) ipvs.ServiceKey {
	switch o := operation.(type) {
	case plan.AddService:
		return o.Service.Key
	case plan.UpdateService:
		return o.Service.Key
	case plan.DeleteService:
		return o.Service
	case plan.AddDestination:
		return o.Service
	case plan.UpdateDestination:
		return o.Service
	case plan.DeleteDestination:
		return o.Service
	default:
		return ipvs.ServiceKey{}
	}
}
