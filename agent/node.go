// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/agent/mark"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// nodeIn is what is wanted of the node beside its IPVS services, without what depends on a reading.
func (a *Agent) nodeIn() plan.In {
	in := plan.In{
		RealServerAddresses: a.desired.Node().RealServerAddresses,
		Forwarding:          a.desired.Forwarding(),
		Marks:               a.desired.Marks(),
		Found:               a.found,
	}
	if a.desired.Len() > 0 {
		in.Settings = a.desired.Node().Settings()
	}
	return in
}

// query asks for what the plan of a node depends on.
func (a *Agent) query(in plan.In) kernel.Query {
	return kernel.Query{Sysctls: in.Sysctls(), IPVS: !a.owned().IsZero(), Modules: modules(len(a.desired.FTP()) > 0)}
}

// complete adds a reading, and what depends on it.
func (a *Agent) complete(in *plan.In, actual plan.Actual, now time.Time) {
	in.Actual = actual
	in.DirectorAddresses = a.routers.addresses(actual.Addresses, now)
}

// readNode reads the node and says what has to be done; false: it could not be read.
func (a *Agent) readNode(ctx context.Context, now time.Time) (plan.In, plan.Steps, bool) {
	in := a.nodeIn()
	actual, err := a.kernel.Read(ctx, a.query(in))
	a.routers.adopt(a.desired.Node(), now)
	if err != nil {
		a.nodeProblems, a.reportDue = a.everyGroup(err), true
		a.nodeAsWanted = nil
		return in, plan.Steps{}, false
	}
	// Modules are nobody's operation: that one was loaded shows only here.
	a.reportDue = a.reportDue || !slices.Equal(a.actual.Modules, actual.Modules)
	a.actual = actual
	a.complete(&in, actual, now)
	return in, plan.Plan(in), true
}

// settleNode reads the node back after operations, and notes what is left undone.
func (a *Agent) settleNode(ctx context.Context, in plan.In, failures []kernel.Failure) {
	a.nodeProblems = nil
	for _, failure := range failures {
		a.nodeProblems = append(a.nodeProblems, a.nodeProblem(failure.Operation, failure.Err))
	}
	actual, err := a.kernel.Read(ctx, a.query(in))
	if err != nil {
		a.nodeProblems = append(a.nodeProblems, a.everyGroup(err)...)
		return
	}
	a.actual, in.Actual = actual, actual
	if len(failures) > 0 {
		return
	}
	for _, left := range plan.Plan(in).All() {
		a.nodeProblems = append(a.nodeProblems, a.nodeProblem(left,
			fmt.Errorf("the kernel took what it was told and reads back otherwise; still to do: %s", left)))
	}
}

func (a *Agent) nodeProblem(operation plan.Operation, err error) v1alpha1.Problem {
	group := ""
	if add, ok := operation.(plan.AddAddress); ok {
		group = a.routers.groupOf(add.Interface, add.Prefix.Addr())
	}
	return problem(v1alpha1.ProblemKernel, group, "", err)
}

// moduleFTP is the kernel module of the application helper for FTP.
const moduleFTP = "ip_vs_ftp"

func modules(ftp bool) []string {
	if ftp {
		return []string{moduleFTP}
	}
	return nil
}

// helperProblems are the services whose application helper this kernel lacks.
func (a *Agent) helperProblems() []v1alpha1.Problem {
	var problems []v1alpha1.Problem
	for _, service := range a.desired.FTP() {
		if !slices.Contains(a.actual.Modules, moduleFTP) {
			problems = append(problems, problem(v1alpha1.ProblemKernel, service.Group, service.ID, fmt.Errorf(
				"the application helper for FTP is missing: load the module %s on this node (modprobe %s); until then data connections do not reach the clients", moduleFTP, moduleFTP)))
		}
	}
	return problems
}

// wantsTheSame says whether two plans wanted the same of a node.
func wantsTheSame(a, b plan.In) bool {
	return slices.Equal(a.DirectorAddresses, b.DirectorAddresses) && slices.Equal(a.RealServerAddresses, b.RealServerAddresses) &&
		slices.Equal(a.Forwarding, b.Forwarding) && slices.Equal(a.Settings, b.Settings) && slices.EqualFunc(a.Marks, b.Marks, mark.Rule.Equal)
}
