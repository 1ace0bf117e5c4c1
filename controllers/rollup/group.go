// SPDX-License-Identifier: Apache-2.0

package rollup

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
	"github.com/lvs-operator/lvs-operator/controllers/compile"
)

// DirectorGroup is the status of a group that was compiled at its present generation.
func DirectorGroup(group *v1alpha1.DirectorGroup, view View, directors []Director, now metav1.Time) v1alpha1.DirectorGroupStatus {
	status := v1alpha1.DirectorGroupStatus{
		ObservedGeneration: group.Generation,
		DirectorCount:      int32(len(directors)),  // nodes of one cluster
		Services:           int32(view.Compiled()), // services of one cluster
		Directors:          reported(directors),
		// What was allocated is written by who allocates.
		VirtualRouterIDs: group.Status.VirtualRouterIDs,
		Places:           group.Status.Places,
	}
	ids, are := routerIDs(view.VirtualRouterIDs)
	c := newConditions(group.Status.Conditions, group.Generation, now)
	c.verdict(v1alpha1.ConditionAccepted, v1alpha1.ReasonAccepted,
		fmt.Sprintf("%s on %s %s this group's on its %s", ids, group.Spec.Interface, are, count(len(directors), "director")), view.Group)
	c.outcome(v1alpha1.ConditionResolvedRefs, v1alpha1.ReasonResolved, refsMessage(group), missingSecret(directors))

	programmed := groupProgramming(group, view.Group, directors)
	c.outcome(v1alpha1.ConditionProgrammed, v1alpha1.ReasonProgrammed,
		allRun(directors)+" "+ids, programmed)
	if view.Group.OK() {
		status.Active = names(activesOf(routersOf(directors), directors))
		status.VirtualRouters = elections(directors)
	}
	c.outcome(v1alpha1.ConditionExclusive, v1alpha1.ReasonExclusive,
		"no director hears anybody else advertise with "+ids, foreignRouter(directors))
	message, against := groupReadiness(view.Group, programmed, directors)
	c.outcome(v1alpha1.ConditionReady, v1alpha1.ReasonReady, message, against)
	status.Conditions = c.list
	return status
}

// routerIDs is "virtual router id 66" that is, or "virtual router ids 1, 2" that are.
func routerIDs(ids []int32) (text, are string) {
	texts := make([]string, 0, len(ids))
	for _, id := range ids {
		texts = append(texts, strconv.Itoa(int(id)))
	}
	text = strings.Join(texts, ", ")
	if len(ids) == 1 {
		return "virtual router id " + text, "is"
	}
	return "virtual router ids " + text, "are"
}

func reported(directors []Director) []v1alpha1.DirectorStatus {
	shown := directors[:min(len(directors), maxDirectors)]
	all := make([]v1alpha1.DirectorStatus, 0, len(shown))
	for i := range shown {
		d := &shown[i]
		all = append(all, v1alpha1.DirectorStatus{
			Node: d.Name, Priority: d.priority(), State: d.state(), VirtualRouters: reportedRouters(d.Routers), Lowered: d.Lowered,
		})
	}
	return all
}

func reportedRouters(routers []Router) []v1alpha1.DirectorRouterStatus {
	all := make([]v1alpha1.DirectorRouterStatus, 0, len(routers))
	for _, r := range routers {
		status := v1alpha1.DirectorRouterStatus{VirtualRouterID: r.ID, Family: r.Family, State: r.State, Epoch: r.Epoch}
		if r.State != v1alpha1.VRRPUnknown && !r.Since.IsZero() {
			status.Since = r.Since.DeepCopy()
		}
		all = append(all, status)
	}
	return all
}

func refsMessage(group *v1alpha1.DirectorGroup) string {
	if authentication := group.Spec.VRRP.Authentication; authentication != nil {
		return fmt.Sprintf("no director misses Secret %s", authentication.SecretRef.Name)
	}
	return "the group names no Secret"
}

// missingSecret is a director's word that the password cannot be read: the controller itself may read no Secret.
func missingSecret(directors []Director) obstacle {
	for i := range directors {
		for _, problem := range directors[i].Problems {
			if problem.Reason == v1alpha1.ProblemSecretMissing {
				return obstacle{problem.Reason, directors[i].problem(problem).message}
			}
		}
	}
	return obstacle{}
}

// groupProgramming is about the group itself, its routers and networks; each service has its own condition.
func groupProgramming(group *v1alpha1.DirectorGroup, verdict compile.Verdict, directors []Director) obstacle {
	if against := refusal(verdict); against.reason != "" {
		return against
	}
	if len(directors) == 0 {
		return noDirectors()
	}
	wasProgrammed := stood(group.Status.Conditions, v1alpha1.ConditionProgrammed, group.Generation)
	for i := range directors {
		d := &directors[i]
		if d.Lost {
			return d.lost()
		}
		if against := d.groupProblem(); against.reason != "" {
			return against
		}
		if d.silent(routersOf(directors)) || !wasProgrammed && !d.Current {
			return obstacle{v1alpha1.ReasonPending, fmt.Sprintf("director %s has not reported the group yet; is its agent running?", d.Name)}
		}
	}
	return obstacle{}
}

// silent says whether the director has not reported all of the virtual routers.
func (d *Director) silent(ids []int32) bool {
	return len(ids) == 0 || slices.ContainsFunc(ids, func(id int32) bool { return d.stateOf(id) == v1alpha1.VRRPUnknown })
}

// groupReadiness is about the Active directors alone: clients are served whatever the others do. Each virtual router needs exactly
// one. message says who that is, and what is wrong elsewhere.
func groupReadiness(verdict compile.Verdict, programmed obstacle, directors []Director) (message string, against obstacle) {
	if !verdict.OK() || len(directors) == 0 {
		return "", programmed
	}
	ids := routersOf(directors)
	active, against := elect(ids, directors)
	if against.reason != "" {
		return "", against
	}
	for _, d := range active {
		if against := d.groupProblem(); against.reason != "" {
			return "", against
		}
	}
	message = whoIsActive(ids, active)
	for _, d := range directors {
		if d.Lowered != "" && !d.Lost {
			message += fmt.Sprintf("; %s has lowered its priority: %s", d.Name, d.Lowered)
		}
	}
	if programmed.reason != "" {
		message += "; " + programmed.message
	}
	return message, obstacle{}
}
