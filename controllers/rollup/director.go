// SPDX-License-Identifier: Apache-2.0

package rollup

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// Director is one node of a group as its agent reports it.
type Director struct {
	// Name of the node.
	Name string
	// State of the group's virtual router; VRRPUnknown until the agent has reported one.
	State v1alpha1.VRRPState
	// Since is when State was entered.
	Since metav1.Time
	// Priority that the node was given.
	Priority int32
	// Applied are the generations in the kernel, by a slice's name.
	Applied map[string]int64
	// VIPs are the addresses that the node was given for the group.
	VIPs []v1alpha1.IPAddress
	// Current says that the agent has applied the newest NodeState.spec.
	Current bool
	// Problems are those of the group and its services.
	Problems []v1alpha1.Problem
	// Degraded are the services that have lost real servers, by id.
	Degraded map[string]v1alpha1.DegradedService
}

// Directors reads the reports of a group's directors. A node without a NodeState has reported nothing. notReady says
// which nodes' kubelets the cluster has lost: such a node's claim to be Active is dropped when another node became Active
// later, because a dead agent cannot take its word back.
func Directors(group string, names []string, states map[string]*v1alpha1.NodeState, notReady map[string]bool) []Director {
	directors := make([]Director, 0, len(names))
	for _, name := range names {
		directors = append(directors, readDirector(group, name, states[name]))
	}
	for i, d := range directors {
		if d.State == v1alpha1.VRRPActive && notReady[d.Name] && succeeded(d, directors) {
			directors[i].State = v1alpha1.VRRPUnknown
		}
	}
	return directors
}

func succeeded(lost Director, directors []Director) bool {
	return slices.ContainsFunc(directors, func(d Director) bool {
		return d.State == v1alpha1.VRRPActive && d.Since.After(lost.Since.Time)
	})
}

func readDirector(group, name string, state *v1alpha1.NodeState) Director {
	d := Director{Name: name, State: v1alpha1.VRRPUnknown}
	if state == nil {
		return d
	}
	d.Current = state.Status.ObservedGeneration >= state.Generation
	for _, wanted := range state.Spec.DirectorGroups {
		if wanted.Name != group {
			continue
		}
		for _, router := range wanted.VirtualRouters {
			d.Priority = router.Priority
			d.VIPs = append(d.VIPs, router.Addresses...)
		}
	}
	for _, reported := range state.Status.DirectorGroups {
		if reported.Name == group {
			d.read(reported)
		}
	}
	for _, problem := range state.Status.Problems {
		if problem.DirectorGroup == group {
			d.Problems = append(d.Problems, problem)
		}
	}
	return d
}

func (d *Director) read(reported v1alpha1.NodeDirectorGroupStatus) {
	d.Applied = reported.Applied
	for _, router := range reported.VirtualRouters {
		d.State, d.Since = router.State, router.Since
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

// problemOf is the first problem that names the compiled service.
func (d *Director) problemOf(id string) (v1alpha1.Problem, bool) {
	for _, problem := range d.Problems {
		if problem.Service == id {
			return problem, true
		}
	}
	return v1alpha1.Problem{}, false
}

// actives are the directors that report being Active.
func actives(directors []Director) []Director {
	var active []Director
	for _, d := range directors {
		if d.State == v1alpha1.VRRPActive {
			active = append(active, d)
		}
	}
	return active
}

// names joins directors' names with commas.
func names(directors []Director) string {
	all := make([]string, 0, len(directors))
	for _, d := range directors {
		all = append(all, d.Name)
	}
	return strings.Join(all, ",")
}

// election says why clients may not be served; ok: exactly one director is Active.
func election(directors []Director) (reason, message string, ok bool) {
	active := actives(directors)
	switch len(active) {
	case 0:
		return v1alpha1.ReasonNoActive, "no director is Active; " + describeStates(directors), false
	case 1:
		return "", "", true
	default:
		return v1alpha1.ReasonTwoActives,
			fmt.Sprintf("directors %s all report being Active: either VRRP packets do not pass between them, or an agent died while Active; check the link and the agents", names(active)), false
	}
}

func describeStates(directors []Director) string {
	const most = 4
	var parts []string
	for i, d := range directors {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more", len(directors)-most))
			break
		}
		parts = append(parts, fmt.Sprintf("%s is %s", d.Name, d.State))
	}
	return strings.Join(parts, ", ") + "; look at `kubectl describe lvsns` of each"
}
