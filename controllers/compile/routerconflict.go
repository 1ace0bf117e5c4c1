// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"fmt"
	"slices"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
	"github.com/lvs-operator/lvs-operator/controllers/allocate"
)

// exhausted says that no id was free for one of the group's virtual routers.
func exhausted(g *group) *Finding {
	router := slices.Index(g.ids, 0)
	if router < 0 {
		return nil
	}
	return &Finding{
		Condition: v1alpha1.ConditionAccepted,
		Reason:    v1alpha1.ReasonNoFreeRouterID,
		Message: fmt.Sprintf("virtual router %d of %d gets no id: director groups have all %d on interfaces that are called %s, but for those that this group excludes; delete a group, lower vrrp.virtualRouters of one, or, on a link that others are not on, give this one a virtualRouterID",
			router+1, len(g.ids), allocate.MaxRouterID, g.Spec.Interface),
	}
}

// routerConflict finds an older group that runs the same virtual router on the same interface of the same node. Two
// groups without a common node are not compared: whether they share a link is not known here. Nobody's id moves by that: a group
// that runs goes on, and what a younger one asks for waits until its user has decided.
func routerConflict(g *group, older []*group) *Finding {
	for _, other := range older {
		if other.Spec.Interface != g.Spec.Interface {
			continue
		}
		both := slices.IndexFunc(g.ids, func(id int32) bool { return slices.Contains(other.ids, id) })
		if both < 0 {
			continue
		}
		if node, shared := sharedDirector(g, other); shared {
			return &Finding{
				Condition: v1alpha1.ConditionAccepted,
				Reason:    v1alpha1.ReasonConflict,
				Message: fmt.Sprintf("virtual router id %d on interface %s of node %s belongs to DirectorGroup %s, which is older; %s",
					g.ids[both], g.Spec.Interface, node, other.Name, g.otherID(g.ids[both])),
			}
		}
	}
	return nil
}

// otherID says how to give the group another id in place of this one.
func (g *group) otherID(id int32) string {
	if id == g.Spec.VRRP.VirtualRouterID {
		return "choose another virtualRouterID"
	}
	return fmt.Sprintf("it was allocated to this group before: give that one another virtualRouterID, or have another one allocated to this by adding %d to vrrp.excludedVirtualRouterIDs", id)
}
