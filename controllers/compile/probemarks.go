// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"fmt"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// probeMarks are the marks of the group's health checks; nil: it has none.
func (g *group) probeMarks() *v1alpha1.MarkRange {
	if g.Spec.ProbeMarks == nil {
		return nil
	}
	return &v1alpha1.MarkRange{First: g.Spec.ProbeMarks.First, Last: g.Spec.ProbeMarks.Last}
}

// viaRefusal finds a health check by way of the virtual IP that cannot go that way.
func viaRefusal(service *v1alpha1.VirtualService, g *group, pool *v1alpha1.RealServerPool) *Finding {
	if pool.Spec.HealthCheck == nil || pool.Spec.HealthCheck.Via != v1alpha1.ViaVirtualIP {
		return nil
	}
	refused := func(why string) *Finding {
		return &Finding{
			Condition: v1alpha1.ConditionAccepted,
			Reason:    v1alpha1.ReasonHealthCheckVia,
			Message:   fmt.Sprintf("RealServerPool %s has healthCheck.via: VirtualIP, but %s", pool.Name, why),
		}
	}
	switch {
	case service.Spec.FirewallMark != nil:
		return refused("a service by firewall mark has no virtual IP to check; set via: RealServer, or give the service ports")
	case g.Spec.ProbeMarks == nil:
		return refused(fmt.Sprintf("DirectorGroup %s has no marks to send checks by; set its spec.probeMarks, or via: RealServer", g.Name))
	}
	return nil
}

// probeMarkConflict finds an older group on one of the group's directors of which a mark pool overlaps this one's marks of health checks, or
// the other way round: an agent could not tell a virtual service from a check.
func probeMarkConflict(g *group, older []*group) *Finding {
	for _, other := range older {
		node, shared := sharedDirector(g, other)
		if !shared || !g.probesWith(other) && !other.probesWith(g) {
			continue
		}
		return &Finding{
			Condition: v1alpha1.ConditionAccepted,
			Reason:    v1alpha1.ReasonConflict,
			Message: fmt.Sprintf("probeMarks and markPools overlap between this group and DirectorGroup %s, which is older and has node %s as a director, too; take another range of marks",
				other.Name, node),
		}
	}
	return nil
}

// probesWith says whether a mark of the group's health checks lies in a mark pool of the other group.
func (g *group) probesWith(other *group) bool {
	own := g.probeMarks()
	if own == nil {
		return false
	}
	for _, pool := range other.markPools {
		if pool.first <= own.Last && own.First <= pool.last {
			return true
		}
	}
	return false
}
