// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// apply carries the operations out, reads back into actual, and returns what is left undone.
func (a *Agent) apply(ctx context.Context, in plan.In, operations []plan.Operation, actual *plan.Actual) []v1alpha1.Problem {
	drifted := a.last != nil && wantsTheSame(*a.last, in)
	a.last = nil
	if len(operations) > 0 {
		problems, readBack := a.change(ctx, in, operations, drifted, actual)
		if readBack {
			a.markApplied()
		}
		if len(problems) > 0 {
			a.logRefused(problems)
			return problems
		}
	}
	a.last, a.refused = &in, nil
	if len(operations) == 0 {
		a.markApplied()
	}
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

// change applies operations and returns a problem for each object of which something is left undone, and whether the kernel
// could be read back into actual.
func (a *Agent) change(ctx context.Context, in plan.In, operations []plan.Operation, drifted bool, actual *plan.Actual) (problems []v1alpha1.Problem, readBack bool) {
	failures := a.kernel.Apply(ctx, operations)
	done := len(operations) - len(failures)
	a.metrics.operations.Add(float64(done))
	a.metrics.failures.Add(float64(len(failures)))
	if drifted {
		a.metrics.drift.Add(float64(done))
	}
	a.logDone(operations, failures, drifted)
	for _, failure := range failures {
		problems = a.addProblem(problems, failure.Operation, failure.Err)
	}
	after, err := a.kernel.Read(ctx, a.query())
	if err != nil && !errors.Is(err, kernel.ErrNoIPVS) {
		return append(problems, a.everyGroup(v1alpha1.ProblemKernel, err)...), false
	}
	*actual = after
	if len(failures) > 0 {
		return problems, true
	}
	in.Actual = after
	for _, left := range plan.Plan(in) {
		problems = a.addProblem(problems, left, fmt.Errorf("the kernel took what it was told and reads back otherwise; still to do: %s", left))
	}
	return problems, true
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
