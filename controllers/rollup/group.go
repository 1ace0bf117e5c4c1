// SPDX-License-Identifier: Apache-2.0

package rollup

import (
	"fmt"

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
	}
	c := newConditions(group.Status.Conditions, group.Generation, now)
	c.verdict(v1alpha1.ConditionAccepted, v1alpha1.ReasonAccepted, view.Group)
	c.outcome(v1alpha1.ConditionResolvedRefs, v1alpha1.ReasonResolved, missingSecret(directors))

	programmed := groupProgramming(group, view.Group, directors)
	c.outcome(v1alpha1.ConditionProgrammed, v1alpha1.ReasonProgrammed, programmed)
	if view.Group.OK() {
		status.Active = names(actives(directors))
	}
	c.outcome(v1alpha1.ConditionReady, v1alpha1.ReasonReady, groupReadiness(programmed, directors))
	status.Conditions = c.list
	return status
}

func reported(directors []Director) []v1alpha1.DirectorStatus {
	shown := directors[:min(len(directors), maxDirectors)]
	all := make([]v1alpha1.DirectorStatus, 0, len(shown))
	for _, d := range shown {
		all = append(all, v1alpha1.DirectorStatus{Node: d.Name, Priority: d.Priority, State: d.State})
	}
	return all
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
		for _, problem := range d.Problems {
			if problem.Service == "" {
				return d.problem(problem)
			}
		}
		if d.State == v1alpha1.VRRPUnknown || !wasProgrammed && !d.Current {
			return obstacle{v1alpha1.ReasonPending, fmt.Sprintf("director %s has not reported the group yet; is its agent running?", d.Name)}
		}
	}
	return obstacle{}
}

// groupReadiness puts two Actives before everything else: it is what an operator must hear of first.
func groupReadiness(programmed obstacle, directors []Director) obstacle {
	reason, message, ok := election(directors)
	switch {
	case reason == v1alpha1.ReasonTwoActives:
		return obstacle{reason, message}
	case programmed.reason != "":
		return programmed
	case !ok:
		return obstacle{reason, message}
	}
	return obstacle{}
}
