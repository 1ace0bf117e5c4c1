// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/desired"
	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// pass brings the kernel to the desired state once. The order of what it does is the bring-up order: services and real
// servers, then the right to win an election, then (in a later pass, when VRRP has decided) the virtual IPs, then
// gratuitous ARP.
func (a *Agent) pass(ctx context.Context, now time.Time) {
	a.takeView(ctx)
	if !a.known {
		return
	}
	a.metrics.passes.Inc()
	began := time.Now()
	defer func() { a.metrics.passTime.Observe(time.Since(began).Seconds()) }()

	actual, err := a.kernel.Read(ctx, a.query())
	a.routers.adopt(a.desired, now)
	if err != nil && !errors.Is(err, kernel.ErrNoIPVS) {
		a.cannotRead(ctx, actual, now, err)
		return
	}
	a.health.Set(a.targets(actual.IPVS))

	in := a.planIn(actual, now)
	operations := plan.Plan(in)
	forgetful := a.remember(in, operations)
	in.Found = a.found
	problems := a.apply(ctx, in, operations, &actual)
	a.routers.startAll(actual.Addresses, func(group string) bool { return a.serves(group, problems) && a.isWarm(group, now) })
	a.routers.announce(actual.Addresses, operations)
	a.report(actual, append(forgetful, problems...))
}

// cannotRead is a pass whose kernel does not tell its IPVS table: what is known without it goes on, and above all a
// director that is no longer Active lets its virtual IPs go. What was applied last stays the word.
func (a *Agent) cannotRead(ctx context.Context, actual plan.Actual, now time.Time, err error) {
	problems := a.everyGroup(v1alpha1.ProblemKernel, err)
	if len(actual.Addresses) > 0 {
		for _, failure := range a.kernel.Apply(ctx, addressesOnly(plan.Plan(a.planIn(actual, now)))) {
			problems = append(problems, a.everyGroup(v1alpha1.ProblemKernel, failure.Err)...)
		}
	}
	a.last = nil
	a.logRefused(problems)
	a.report(actual, problems)
}

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
	a.known, a.desired, a.passwords = true, state, state.Passwords()
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

func (a *Agent) owned() []netip.Prefix {
	return append(slices.Clone(a.releasing), a.desired.Owned()...)
}

func (a *Agent) query() kernel.Query {
	return kernel.Query{Owned: a.owned(), Sysctls: plan.Sysctls()}
}

func (a *Agent) planIn(actual plan.Actual, now time.Time) plan.In {
	return plan.In{
		Services:            a.desired.Table(a.healthy),
		Owned:               a.owned(),
		DirectorAddresses:   a.routers.addresses(actual.Addresses, now),
		RealServerAddresses: a.desired.RealServerAddresses,
		Forwarding:          a.desired.Forwarding(),
		Found:               a.found,
		Actual:              actual,
	}
}

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

// apply carries the operations out, reads back into actual, and returns what is left undone.
func (a *Agent) apply(ctx context.Context, in plan.In, operations []plan.Operation, actual *plan.Actual) []v1alpha1.Problem {
	drifted := a.last != nil && wantsTheSame(*a.last, in)
	a.last = nil
	if len(operations) > 0 {
		if problems := a.change(ctx, in, operations, drifted, actual); len(problems) > 0 {
			a.logRefused(problems)
			a.markApplied()
			return problems
		}
	}
	a.last, a.refused = &in, nil
	a.markApplied()
	a.releasing = slices.DeleteFunc(a.releasing, func(network netip.Prefix) bool {
		return !slices.ContainsFunc(actual.IPVS, func(e ipvs.Entry) bool { return network.Contains(e.Service.Key.Address) })
	})
	return nil
}

// markApplied notes that the desired state went to the kernel; what the kernel refused of it is told by problems.
func (a *Agent) markApplied() {
	a.applied = applied{generation: a.generation, slices: map[string]map[string]int64{}}
	for _, group := range a.desired.Groups {
		a.applied.slices[group.Name] = group.Applied
	}
}

// change applies operations and returns a problem for each object of which something is left undone.
func (a *Agent) change(ctx context.Context, in plan.In, operations []plan.Operation, drifted bool, actual *plan.Actual) []v1alpha1.Problem {
	failures := a.kernel.Apply(ctx, operations)
	done := len(operations) - len(failures)
	a.metrics.operations.Add(float64(done))
	a.metrics.failures.Add(float64(len(failures)))
	if drifted {
		a.metrics.drift.Add(float64(done))
	}
	a.logDone(operations, failures, drifted)
	var problems []v1alpha1.Problem
	for _, failure := range failures {
		problems = a.addProblem(problems, failure.Operation, failure.Err)
	}
	readBack, err := a.kernel.Read(ctx, a.query())
	if err != nil && !errors.Is(err, kernel.ErrNoIPVS) {
		return append(problems, a.everyGroup(v1alpha1.ProblemKernel, err)...)
	}
	*actual = readBack
	if len(failures) > 0 {
		return problems
	}
	in.Actual = readBack
	for _, left := range plan.Plan(in) {
		problems = a.addProblem(problems, left, fmt.Errorf("the kernel took what it was told and reads back otherwise; still to do: %s", left))
	}
	return problems
}

// addProblem adds what is left undone of one object: one problem each, so that a list with room for 64 names as many objects
// as it can.
func (a *Agent) addProblem(problems []v1alpha1.Problem, operation plan.Operation, err error) []v1alpha1.Problem {
	group, service := a.belongsTo(operation)
	if service != "" && slices.ContainsFunc(problems, func(p v1alpha1.Problem) bool { return p.DirectorGroup == group && p.Service == service }) {
		return problems
	}
	return append(problems, problem(v1alpha1.ProblemKernel, group, service, err))
}

// wantsTheSame says whether two passes wanted the same of the kernel.
func wantsTheSame(a, b plan.In) bool {
	return a.Services.Equal(b.Services) && slices.Equal(a.Owned, b.Owned) &&
		slices.Equal(a.DirectorAddresses, b.DirectorAddresses) &&
		slices.Equal(a.RealServerAddresses, b.RealServerAddresses) && a.Forwarding == b.Forwarding
}

// longList is the most operations, or problems, of a pass that are logged one by one.
const longList = 20

// logDone logs what was changed.
func (a *Agent) logDone(operations []plan.Operation, failures []kernel.Failure, drifted bool) {
	message := "kernel changed"
	if drifted {
		message = "kernel put back: somebody else had changed what is ours"
	}
	failed := map[string]bool{}
	for _, failure := range failures {
		failed[failure.Operation.String()] = true
	}
	logged, more := 0, 0
	for _, o := range operations {
		switch {
		case failed[o.String()]:
		case logged == longList:
			more++
		default:
			logged++
			a.log.Info(message, "operation", o.String())
		}
	}
	if more > 0 {
		a.log.Info(message, "moreOperations", more)
	}
}

// logRefused logs problems that the last pass did not have.
func (a *Agent) logRefused(problems []v1alpha1.Problem) {
	refused := map[string]bool{}
	logged := 0
	for _, p := range problems {
		if !a.refused[p.Message] && !refused[p.Message] && logged < longList {
			logged++
			a.log.Error("the kernel refuses", "group", p.DirectorGroup, "service", p.Service, "problem", p.Message)
		}
		refused[p.Message] = true
	}
	a.refused = refused
}
