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
	if err != nil && !errors.Is(err, kernel.ErrNoIPVS) {
		a.report(actual, a.everyGroup(v1alpha1.ProblemKernel, err))
		return
	}
	a.health.Set(a.targets(actual.IPVS))
	a.routers.adopt(a.desired, now)

	in := a.planIn(actual, now)
	operations := plan.Plan(in)
	forgetful := a.remember(in, operations)
	in.Found = a.found
	problems := a.apply(ctx, in, operations, &actual)
	warm := a.isWarm(now)
	a.routers.startAll(actual.Addresses, func(group string) bool { return warm && a.serves(group, problems) })
	a.routers.announce(actual.Addresses)
	a.report(actual, append(forgetful, problems...))
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
		return
	}
	a.seen = &version
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
		a.releasing = difference(append(slices.Clone(a.releasing), a.desired.Owned()...), state.Owned())
	}
	a.known, a.desired, a.passwords = true, state, desired.Passwords(view.Passwords).Of(state)
	a.generation, a.unusable = view.Node.Generation, problems
}

// difference is what list has and without has not.
func difference(list, without []netip.Prefix) []netip.Prefix {
	return slices.DeleteFunc(list, func(p netip.Prefix) bool { return slices.Contains(without, p) })
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

// isWarm says whether VRRP may win: every real server was checked once, or the checks have had their time.
func (a *Agent) isWarm(now time.Time) bool {
	a.warm = a.warm || a.health.Warm() || now.Sub(a.began) >= warmBound
	return a.warm
}

// apply carries the operations out, reads back into actual, and returns what is left undone.
func (a *Agent) apply(ctx context.Context, in plan.In, operations []plan.Operation, actual *plan.Actual) []v1alpha1.Problem {
	drifted := a.last != nil && wantsTheSame(*a.last, in)
	a.last = &in
	if len(operations) == 0 {
		a.releasing = nil
		return nil
	}
	a.metrics.operations.Add(float64(len(operations)))
	if drifted {
		a.metrics.drift.Add(float64(len(operations)))
	}
	a.logOperations(operations, drifted)
	var problems []v1alpha1.Problem
	failures := a.kernel.Apply(ctx, operations)
	a.metrics.failures.Add(float64(len(failures)))
	for _, failure := range failures {
		group, service := a.belongsTo(failure.Operation)
		problems = append(problems, problem(v1alpha1.ProblemKernel, group, service, failure.Err))
	}
	readBack, err := a.kernel.Read(ctx, a.query())
	if err != nil && !errors.Is(err, kernel.ErrNoIPVS) {
		return append(problems, a.everyGroup(v1alpha1.ProblemKernel, err)...)
	}
	*actual = readBack
	in.Actual = readBack
	if len(problems) == 0 {
		for _, left := range plan.Plan(in) {
			group, service := a.belongsTo(left)
			problems = append(problems, problem(v1alpha1.ProblemKernel, group, service,
				fmt.Errorf("the kernel took what it was told and reads back otherwise; still to do: %s", left)))
		}
	}
	if len(problems) > 0 {
		a.last = nil
	} else {
		a.releasing = nil
	}
	return problems
}

// wantsTheSame says whether two passes wanted the same of the kernel.
func wantsTheSame(a, b plan.In) bool {
	return a.Services.Equal(b.Services) && slices.Equal(a.Owned, b.Owned) &&
		slices.Equal(a.DirectorAddresses, b.DirectorAddresses) &&
		slices.Equal(a.RealServerAddresses, b.RealServerAddresses) && a.Forwarding == b.Forwarding
}

// longList is the most operations that are logged one by one.
const longList = 20

func (a *Agent) logOperations(operations []plan.Operation, drifted bool) {
	message := "kernel changed"
	if drifted {
		message = "kernel put back: somebody else had changed what is ours"
	}
	for _, o := range operations[:min(len(operations), longList)] {
		a.log.Info(message, "operation", o.String())
	}
	if more := len(operations) - longList; more > 0 {
		a.log.Info(message, "moreOperations", more)
	}
}
