// SPDX-License-Identifier: Apache-2.0

package rollup

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
	"github.com/lvs-operator/lvs-operator/controllers/compile"
)

// conditions collects an object's conditions. A condition whose status does not change keeps its lastTransitionTime.
type conditions struct {
	list       []metav1.Condition
	generation int64
	now        metav1.Time
}

func newConditions(old []metav1.Condition, generation int64, now metav1.Time) *conditions {
	return &conditions{list: slices.Clone(old), generation: generation, now: now}
}

func (c *conditions) set(conditionType string, status metav1.ConditionStatus, reason, message string) {
	meta.SetStatusCondition(&c.list, metav1.Condition{
		Type:               conditionType,
		Status:             status,
		Reason:             reason,
		Message:            message,
		ObservedGeneration: c.generation,
		LastTransitionTime: c.now,
	})
}

// verdict sets a condition that compile decides: False by the first finding of its type.
func (c *conditions) verdict(conditionType, trueReason, trueMessage string, v compile.Verdict) {
	if finding, found := findingOf(v, conditionType); found {
		c.set(conditionType, metav1.ConditionFalse, finding.Reason, finding.Message)
		return
	}
	c.set(conditionType, metav1.ConditionTrue, trueReason, trueMessage)
}

// outcome sets a condition from the first thing that stands against it.
func (c *conditions) outcome(conditionType, trueReason, trueMessage string, against obstacle) {
	if against.reason == "" {
		c.set(conditionType, metav1.ConditionTrue, trueReason, trueMessage)
		return
	}
	c.set(conditionType, metav1.ConditionFalse, against.reason, against.message)
}

// stood says whether the condition was already True for this generation.
func stood(old []metav1.Condition, conditionType string, generation int64) bool {
	c := meta.FindStatusCondition(old, conditionType)
	return c != nil && c.Status == metav1.ConditionTrue && c.ObservedGeneration == generation
}

// count is "1 director", "2 directors".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// allRun begins a sentence about what every director of a group runs.
func allRun(directors []Director) string {
	if len(directors) == 1 {
		return fmt.Sprintf("director %s, the only one, runs", directors[0].Name)
	}
	return fmt.Sprintf("all %d directors run", len(directors))
}

// obstacle is why a condition is False; the zero value: nothing.
type obstacle struct {
	reason, message string
}

// refusal is the obstacle that an object with findings meets; none: it was accepted.
func refusal(v compile.Verdict) obstacle {
	if v.OK() {
		return obstacle{}
	}
	return obstacle{v1alpha1.ReasonNotAccepted, v.Findings[0].Message}
}

func (d *Director) problem(p v1alpha1.Problem) obstacle {
	return obstacle{v1alpha1.ReasonDirectorProblem, fmt.Sprintf("director %s: %s: %s", d.Name, p.Reason, p.Message)}
}

func noDirectors() obstacle {
	return obstacle{v1alpha1.ReasonNoDirectors, "no node matches the director group's nodeSelector; label the directors' nodes"}
}

func findingOf(v compile.Verdict, conditionType string) (compile.Finding, bool) {
	for _, finding := range v.Findings {
		if finding.Condition == conditionType {
			return finding, true
		}
	}
	return compile.Finding{}, false
}
