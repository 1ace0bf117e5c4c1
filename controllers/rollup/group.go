// SPDX-License-Identifier: Apache-2.0

package rollup

import (
	"fmt"
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
		status.Active = names(actives(directors))
	}
	c.outcome(v1alpha1.ConditionExclusive, v1alpha1.ReasonExclusive,
		"no director hears anybody else advertise with "+ids, foreignRouter(ids, directors))
	served, against := groupReadiness(view.Group, programmed, directors)
	c.outcome(v1alpha1.ConditionReady, v1alpha1.ReasonReady, served, against)
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
	for _, d := range shown {
		all = append(all, v1alpha1.DirectorStatus{Node: d.Name, Priority: d.Priority, State: d.State, Lowered: d.Lowered})
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
		if d.State == v1alpha1.VRRPUnknown || !wasProgrammed && !d.Current {
			return obstacle{v1alpha1.ReasonPending, fmt.Sprintf("director %s has not reported the group yet; is its agent running?", d.Name)}
		}
	}
	return obstacle{}
}

// groupReadiness is about the Active director alone: clients are served whatever the others do. served says who is Active,
// and what is wrong elsewhere.
func groupReadiness(verdict compile.Verdict, programmed obstacle, directors []Director) (served string, against obstacle) {
	if !verdict.OK() || len(directors) == 0 {
		return "", programmed
	}
	active, against := elect(directors)
	if active == nil {
		return "", against
	}
	if against := active.groupProblem(); against.reason != "" {
		return "", against
	}
	served = active.Name + " is Active"
	for _, d := range directors {
		if d.Lowered != "" && !d.Lost {
			served += fmt.Sprintf("; %s has lowered its priority: %s", d.Name, d.Lowered)
		}
	}
	if programmed.reason != "" {
		served += "; " + programmed.message
	}
	return served, obstacle{}
}
