// SPDX-License-Identifier: Apache-2.0

package rollup

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// Director is one node of a group as its agent reports it.
type Director struct {
	// Name of the node.
	Name string
	// Routers are the group's virtual routers on the node, by id.
	Routers []Router
	// Lowered says why the node takes part with less than the priorities that the group gives it, as
	// [v1alpha1.VirtualRouterStatus].Lowered; empty: it does not.
	Lowered string
	// Applied are the generations in the kernel, by a slice's name.
	Applied map[string]int64
	// Current says that the agent has applied the newest NodeState.spec.
	Current bool
	// Problems are those of the group and its services.
	Problems []v1alpha1.Problem
	// ProblemCount is the number of all the node's problems, listed or not.
	ProblemCount int32
	// Cut says that the node has more problems than it lists, so that one that is not listed may exist.
	Cut bool
	// Withdrawn are the virtual IPs that the director does not carry for want of a service's quorum.
	Withdrawn []v1alpha1.IPAddress
	// Degraded are the services that have lost real servers, by id.
	Degraded map[string]v1alpha1.DegradedService
	// NotReady says that the cluster has lost the node's kubelet.
	NotReady bool
	// Lost says that what the node last reported counts no more: it is not ready, and its claim to be Active was dropped or
	// it has not applied the newest NodeState.spec.
	Lost bool
}

// Directors reads the reports of a group's directors, by their names. A node without a NodeState has reported nothing. notReady
// says which nodes' kubelets the cluster has lost. Which claims to be Active count is for [Claims.Settle] to say.
func Directors(group string, names []string, states map[string]*v1alpha1.NodeState, notReady map[string]bool) []Director {
	directors := make([]Director, 0, len(names))
	for _, name := range names {
		d := readDirector(group, name, states[name])
		d.NotReady = notReady[name]
		directors = append(directors, d)
	}
	return directors
}

func readDirector(group, name string, state *v1alpha1.NodeState) Director {
	d := Director{Name: name}
	if state == nil {
		return d
	}
	d.Current = state.Status.ObservedGeneration >= state.Generation
	for _, wanted := range state.Spec.DirectorGroups {
		if wanted.Name == group {
			d.give(wanted)
		}
	}
	for _, reported := range state.Status.DirectorGroups {
		if reported.Name == group {
			d.read(reported)
		}
	}
	d.ProblemCount = state.Status.ProblemCount
	d.Cut = int(state.Status.ProblemCount) > len(state.Status.Problems)
	for _, problem := range state.Status.Problems {
		if problem.DirectorGroup == group {
			d.Problems = append(d.Problems, problem)
		}
	}
	return d
}

// give reads what the node was given.
func (d *Director) give(wanted v1alpha1.NodeDirectorGroup) {
	for _, given := range wanted.VirtualRouters {
		d.Routers = append(d.Routers, Router{
			ID: given.VirtualRouterID, State: v1alpha1.VRRPUnknown, Priority: given.Priority, Addresses: given.Addresses,
		})
		d.Lowered = cmp.Or(d.Lowered, given.Lowered)
	}
	slices.SortFunc(d.Routers, func(a, b Router) int { return cmp.Compare(a.ID, b.ID) })
}

// read reads what the agent reports. A virtual router that the node was not given is one that it is about to end.
func (d *Director) read(reported v1alpha1.NodeDirectorGroupStatus) {
	d.Applied, d.Withdrawn = reported.Applied, reported.WithdrawnAddresses
	for _, router := range reported.VirtualRouters {
		if given := d.router(router.VirtualRouterID); given != nil {
			given.read(router)
			d.Lowered = cmp.Or(d.Lowered, router.Lowered)
		}
	}
	d.Degraded = make(map[string]v1alpha1.DegradedService, len(reported.Degraded))
	for _, degraded := range reported.Degraded {
		d.Degraded[degraded.Service] = degraded
	}
}

// missing is the first slice, by name, of which the director has not reported the needed generation.
func (d *Director) missing(needed map[string]int64) (slice string, found bool) {
	for name, generation := range needed {
		applied, reported := d.Applied[name]
		if (!reported || applied < generation) && (!found || name < slice) {
			slice, found = name, true
		}
	}
	return slice, found
}

// runsOlder says that the director has reported at least one of the slices, so that it runs some form of the service.
func (d *Director) runsOlder(needed map[string]int64) bool {
	for name := range needed {
		if _, reported := d.Applied[name]; reported {
			return true
		}
	}
	return false
}

// against is the first problem that stands against the compiled service on this director: its own, its group's, or one
// that the list of problems may have no room for.
func (d *Director) against(id string) obstacle {
	if own := d.problemOf(id); own.reason != "" {
		return own
	}
	if groups := d.groupProblem(); groups.reason != "" {
		return groups
	}
	if d.Cut {
		return obstacle{v1alpha1.ReasonDirectorProblem,
			fmt.Sprintf("director %s has %d problems, more than it lists; see kubectl get nodestate %s -o yaml", d.Name, d.ProblemCount, d.Name)}
	}
	return obstacle{}
}

// groupProblem is the first problem of the group as a whole.
func (d *Director) groupProblem() obstacle { return d.problemOf("") }

// problemOf is the first problem that names the compiled service; of the group itself for an empty id.
func (d *Director) problemOf(id string) obstacle {
	for _, problem := range d.Problems {
		if problem.Service == id {
			return d.problem(problem)
		}
	}
	return obstacle{}
}

// lost is the obstacle of a director that the cluster has lost.
func (d *Director) lost() obstacle {
	return obstacle{v1alpha1.ReasonNodeNotReady, fmt.Sprintf("director %s: node is not ready", d.Name)}
}
