// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// longList is the most operations, or problems, of a pass that are logged one by one.
const longList = 20

// count counts and logs what was changed.
func (a *Agent) count(w work, operations []plan.Operation, failures []kernel.Failure) {
	a.metrics.operations.Add(float64(len(operations) - len(failures)))
	a.metrics.failures.Add(float64(len(failures)))
	failed := make(map[string]bool, len(failures))
	for _, failure := range failures {
		failed[failure.Operation.String()] = true
	}
	logged, more := 0, 0
	for _, o := range operations {
		if len(failed) > 0 && failed[o.String()] {
			continue
		}
		message := "kernel changed"
		if w.repairs(o) {
			message = "kernel put back: somebody else had changed what is ours"
			a.metrics.drift.Inc()
		}
		if logged == longList {
			more++
			continue
		}
		logged++
		a.log.Info(message, "operation", o.String())
	}
	if more > 0 {
		a.log.Info("kernel changed", "moreOperations", more)
	}
}

// repairs says whether an operation puts back what somebody else has changed.
func (w work) repairs(o plan.Operation) bool {
	if key := keyOf(o); key != (ipvs.ServiceKey{}) {
		return w.drifted[key]
	}
	return w.nodeDrifted
}

// logRefused logs problems that the last report did not have.
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
