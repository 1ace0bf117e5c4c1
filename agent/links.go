// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// linked says whether each router of a group that has a virtual MAC address has its link: one that won without could hold no address.
func (rs *routers) linked(group string, actual plan.Actual) bool {
	for _, r := range rs.byKey {
		if r.key.group == group && r.config.VirtualMAC && !actual.Usable(r.carrier) {
			return false
		}
	}
	return true
}

// linkProblem is what is wrong with a link, as a problem of the group whose router needs it; of the node alone if none does.
func (a *Agent) linkProblem(name string, err error) []v1alpha1.Problem {
	group := ""
	for _, r := range a.routers.sorted() {
		if r.carrier == name {
			group = r.key.group
		}
	}
	return []v1alpha1.Problem{problem(v1alpha1.ProblemKernel, group, "", err)}
}
