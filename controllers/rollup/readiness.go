// SPDX-License-Identifier: Apache-2.0

package rollup

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
	"github.com/lvs-operator/lvs-operator/controllers/compile"
)

// ready sets the service's Ready by what the Active directors of its addresses do; the others serve nobody. A service that was Ready
// keeps its condition, with the generation that it speaks of, while an Active director still runs an older form.
func (c *conditions) ready(service *v1alpha1.VirtualService, needs Needs, directors []Director) {
	if against := uncompiled(needs, directors); against.reason != "" {
		c.outcome(v1alpha1.ConditionReady, v1alpha1.ReasonReady, "", against)
		return
	}
	active, against := elect(routersFor(directors, needs.Addresses), directors)
	if against.reason != "" {
		c.outcome(v1alpha1.ConditionReady, v1alpha1.ReasonReady, "", against)
		return
	}
	var older bool
	var first obstacle
	var serving []string
	for _, d := range active {
		against, behind := serviceReadiness(service, needs, d)
		if against.reason != "" && !behind {
			c.outcome(v1alpha1.ConditionReady, v1alpha1.ReasonReady, "", against)
			return
		}
		older = older || behind
		if first.reason == "" {
			first = against
		}
		serving = append(serving, d.serving(service, needs))
	}
	if older && meta.IsStatusConditionTrue(c.list, v1alpha1.ConditionReady) {
		return
	}
	c.outcome(v1alpha1.ConditionReady, v1alpha1.ReasonReady, strings.Join(serving, "; "), first)
}

// serviceReadiness is the first thing that keeps the Active director from serving the service. behind says that it is only
// that the director runs an older form of it.
func serviceReadiness(service *v1alpha1.VirtualService, needs Needs, active *Director) (against obstacle, behind bool) {
	if against := active.problemWith(service); against.reason != "" {
		return against, false
	}
	if against := active.unhealthy(service, needs); against.reason != "" {
		return against, false
	}
	wasReady := stood(service.Status.Conditions, v1alpha1.ConditionReady, service.Generation)
	if against := active.withoutAddress(needs); !wasReady && against.reason != "" {
		return against, false
	}
	if against := active.lagging(needs); against.reason != "" {
		return against, active.runsOlder(needs.Slices)
	}
	return obstacle{}, false
}

// unhealthy is that a port has no real server, or what follows from how few of them the director sees healthy.
func (d *Director) unhealthy(service *v1alpha1.VirtualService, needs Needs) obstacle {
	if needs.RealServers == 0 && service.Spec.SorryServer == nil {
		return obstacle{v1alpha1.ReasonNoHealthyRealServer,
			fmt.Sprintf("RealServerPool %s has no members, so connections are refused; add members", service.Spec.RealServerPool)}
	}
	for _, part := range compile.PartNames(service) {
		if degraded, found := d.Degraded[idOf(service, part)]; found {
			if against := d.consequence(service, part, degraded); against.reason != "" {
				return against
			}
		}
	}
	return d.withdrawn(needs)
}

// serving is what the Active director does for the service's worst port.
func (d *Director) serving(service *v1alpha1.VirtualService, needs Needs) string {
	up := needs.RealServers
	for _, part := range compile.PartNames(service) {
		if degraded, found := d.Degraded[idOf(service, part)]; found {
			up = min(up, degraded.Healthy)
		}
	}
	return fmt.Sprintf("%s is Active with %d of %d real servers healthy", d.Name, up, needs.RealServers)
}
