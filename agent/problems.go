// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lvs-operator/lvs-operator/agent/desired"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// addServiceProblem notes what is left undone of a service: the first of what there is.
func (a *Agent) addServiceProblem(operation plan.Operation, err error) {
	key := keyOf(operation)
	if _, listed := a.serviceProblems[key]; listed {
		return
	}
	group, id := "", ""
	if service := a.desired.Service(key); service != nil {
		group, id = service.Group, service.ID
	} else if key.Mark != 0 {
		group = a.paths.groupOf(key.Mark)
	}
	a.serviceProblems[key] = problem(v1alpha1.ProblemKernel, group, id, err)
}

// errLeft is an operation that the kernel took and that reads back otherwise.
type errLeft struct{ operation plan.Operation }

// Error says what is left to do.
func (e errLeft) Error() string {
	return "the kernel took what it was told and reads back otherwise; still to do: " + e.operation.String()
}

// nodeProblem is what is left undone of the node, as a problem of all that needs it.
func (a *Agent) nodeProblem(operation plan.Operation, err error) []v1alpha1.Problem {
	switch o := operation.(type) {
	case *plan.AddAddress:
		return []v1alpha1.Problem{problem(v1alpha1.ProblemKernel, a.routers.groupOf(o.Interface, o.Prefix.Addr()), "", err)}
	case *plan.AddLink:
		return a.linkProblem(o.Link.Name, err)
	case *plan.SetLink:
		return a.linkProblem(o.Name, err)
	case *plan.SetMarks, *plan.AddRoute:
		return a.markProblems(err, func(*desired.Service) bool { return true })
	case *plan.SetClosed:
		return a.closedProblems(err)
	case *plan.AddRule:
		return a.markProblems(err, func(s *desired.Service) bool { return s.Service.Key.Mark == o.Mark })
	case *plan.SetSysctl, *plan.SetTimeouts, *plan.StartDaemon, *plan.StopDaemon:
		return a.everyGroup(err)
	default:
		return []v1alpha1.Problem{problem(v1alpha1.ProblemKernel, "", "", err)}
	}
}

// markProblems are a problem of each service by firewall mark that concerns accepts; of the node alone if there is none.
func (a *Agent) markProblems(err error, concerns func(*desired.Service) bool) []v1alpha1.Problem {
	var problems []v1alpha1.Problem
	for _, service := range a.desired.Marked() {
		if concerns(service) {
			problems = append(problems, problem(v1alpha1.ProblemKernel, service.Group, service.ID, err))
		}
	}
	if len(problems) == 0 {
		problems = append(problems, problem(v1alpha1.ProblemKernel, "", "", err))
	}
	return problems
}

// closedProblems are a problem of each director group that closes its virtual IPs; of the node alone if there is none.
func (a *Agent) closedProblems(err error) []v1alpha1.Problem {
	var problems []v1alpha1.Problem
	for _, group := range a.desired.Node().Groups {
		if slices.ContainsFunc(group.Routers, func(r desired.Router) bool { return r.Closed }) {
			problems = append(problems, problem(v1alpha1.ProblemKernel, group.Name, "", err))
		}
	}
	if len(problems) == 0 {
		problems = append(problems, problem(v1alpha1.ProblemKernel, "", "", err))
	}
	return problems
}

// readProblems are what a reading of the node says by itself: what could not be read, and which settings this kernel lacks.
func (a *Agent) readProblems(in plan.In) []v1alpha1.Problem {
	var problems []v1alpha1.Problem
	if err := in.Actual.SettingsErr; err != nil {
		problems = append(problems, a.everyGroup(err)...)
	}
	if err := in.Actual.MarksErr; err != nil {
		problems = append(problems, a.markProblems(err, func(*desired.Service) bool { return true })...)
	}
	if err := in.Actual.ClosedErr; err != nil {
		problems = append(problems, a.closedProblems(err)...)
	}
	// A kernel without IPVS is told by another problem.
	if err := in.Actual.DaemonsErr; err != nil && !errors.Is(err, kernel.ErrNoIPVS) {
		problems = append(problems, a.everyGroup(err)...)
	}
	for _, foreign := range plan.ForeignDaemons(in) {
		problems = append(problems, a.everyGroup(fmt.Errorf("connectionSync: somebody else runs a %s sync daemon on this node (ipvsadm %s) and the kernel has room for one: stop it (ipvsadm --stop-daemon %s), or give connectionSync its parameters",
			foreign.State, foreign, foreign.State))...)
	}
	for _, name := range plan.ForeignLinks(in) {
		problems = append(problems, a.linkProblem(name, fmt.Errorf("virtualMAC: the agent did not add the link %s that is on this node, and needs one of that name: rename that one or delete it (ip link del %s)", name, name))...)
	}
	// Without IPVS none of its settings exists; that is told by another problem.
	if missing := plan.Missing(in); len(missing) > 0 && a.tableRead {
		problems = append(problems, a.everyGroup(fmt.Errorf("this kernel has no setting %s: load the module that brings it, or leave it out of the DirectorGroup",
			strings.Join(missing, ", ")))...)
	}
	return problems
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
	case *plan.AddService:
		return o.Service.Key
	case *plan.UpdateService:
		return o.Service.Key
	case *plan.DeleteService:
		return o.Service
	case *plan.AddDestination:
		return o.Service
	case *plan.UpdateDestination:
		return o.Service
	case *plan.DeleteDestination:
		return o.Service
	default:
		return ipvs.ServiceKey{}
	}
}
