// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"fmt"
	"slices"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// togetherConflict finds what keeps a group from moving together with an older one: each director decides for itself, so that all of
// them must come to the same decision for both. Groups of one name that have no director in common have nothing to do with each other.
func togetherConflict(g *group, older []*group) *Finding {
	name := g.Spec.VRRP.MoveTogether
	if name == "" {
		return nil
	}
	for _, other := range older {
		if _, shared := sharedDirector(g, other); !shared || other.Spec.VRRP.MoveTogether != name {
			continue
		}
		if why := apart(g, other); why != "" {
			return &Finding{
				Condition: v1alpha1.ConditionAccepted,
				Reason:    v1alpha1.ReasonConflict,
				Message: fmt.Sprintf("moveTogether %s is also that of DirectorGroup %s, which is older, but %s, or choose another name",
					name, other.Name, why),
			}
		}
	}
	return nil
}

// apart says why the roles of two groups could not always be on one director, and what to do; empty: they can.
func apart(g, other *group) string {
	for _, pair := range [][2]*group{{g, other}, {other, g}} {
		for _, node := range pair[0].directors {
			if _, both := slices.BinarySearch(pair[1].directors, node); !both {
				return fmt.Sprintf("node %s is a director of %s alone; select the same nodes in both", node, pair[0].Name)
			}
		}
	}
	for _, node := range g.directors {
		if here, there := g.configuredPriority(node), other.configuredPriority(node); here != there {
			return fmt.Sprintf("node %s has priority %d here and %d there; give each node the same in both", node, here, there)
		}
	}
	if here, there := or(g.Spec.VRRP.Preempt, true), or(other.Spec.VRRP.Preempt, true); here != there {
		return fmt.Sprintf("preempt is %t here and %t there; make it the same in both", here, there)
	}
	return ""
}
