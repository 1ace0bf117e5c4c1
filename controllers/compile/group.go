// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// group is a director group and what was found of it.
type group struct {
	*v1alpha1.DirectorGroup
	pools     []addressPool
	markPools []markPool
	settings  v1alpha1.CompiledIPVSSettings
	sync      *v1alpha1.CompiledConnectionSync // nil: none
	directors []string                         // names of the selected nodes, sorted
	leaving   map[string]string                // why a director hands over, for those that do
	peers     []*group                         // the other accepted groups that share a director, the oldest first
	refused   *Finding
}

// judgeGroups looks at every group, the oldest first: a younger one that wants what an older one has is refused.
func judgeGroups(all []*v1alpha1.DirectorGroup, nodes []Node) map[string]*group {
	judged := make(map[string]*group, len(all))
	var accepted []*group
	for _, object := range byAge(all) {
		g := readGroup(object, nodes)
		g.sync = compileSync(g, accepted)
		if g.refused == nil {
			g.refused = routerConflict(g, accepted)
		}
		if g.refused == nil {
			g.refused = gatewayConflict(g, accepted)
		}
		if g.refused == nil {
			g.refused = settingsConflict(g, accepted)
		}
		if g.refused == nil {
			g.refused = syncConflict(g, accepted)
		}
		if g.refused == nil {
			g.refused = togetherConflict(g, accepted)
		}
		if g.refused == nil {
			accepted = append(accepted, g)
		}
		judged[object.Name] = g
	}
	for _, g := range accepted {
		g.peers = peersOf(g, accepted)
	}
	return judged
}

func peersOf(g *group, accepted []*group) []*group {
	var peers []*group
	for _, other := range accepted {
		if _, shared := sharedDirector(g, other); shared && other != g {
			peers = append(peers, other)
		}
	}
	return peers
}

// readGroup reads the group's selectors. A selector that cannot be read refuses the group.
func readGroup(object *v1alpha1.DirectorGroup, nodes []Node) *group {
	g := &group{DirectorGroup: object, settings: compileSettings(object.Spec), leaving: map[string]string{}}
	selector, err := metav1.LabelSelectorAsSelector(&object.Spec.NodeSelector)
	if err != nil {
		g.refused = invalidSelector("nodeSelector", err)
		return g
	}
	for _, node := range nodes {
		if selector.Matches(labels.Set(node.Labels)) {
			g.directors = append(g.directors, node.Name)
			if node.Leaving != "" {
				g.leaving[node.Name] = node.Leaving
			}
		}
	}
	slices.Sort(g.directors)
	for _, pool := range object.Spec.AddressPools {
		read, err := readPool(pool)
		if err != nil {
			g.refused = invalidSelector("namespaceSelector of address pool "+pool.Name, err)
			return g
		}
		g.pools = append(g.pools, read)
	}
	for _, pool := range object.Spec.MarkPools {
		read, err := readMarkPool(pool)
		if err != nil {
			g.refused = invalidSelector("namespaceSelector of mark pool "+pool.Name, err)
			return g
		}
		g.markPools = append(g.markPools, read)
	}
	return g
}

func invalidSelector(field string, err error) *Finding {
	return &Finding{
		Condition: v1alpha1.ConditionAccepted,
		Reason:    v1alpha1.ReasonInvalidSelector,
		Message:   fmt.Sprintf("%s cannot be read: %v; correct it", field, err),
	}
}

// routerConflict finds an older group that runs the same virtual router on the same interface of the same node. Two
// groups without a common node are not compared: whether they share a link is not known here.
func routerConflict(g *group, older []*group) *Finding {
	for _, other := range older {
		if other.Spec.Interface != g.Spec.Interface || other.Spec.VRRP.VirtualRouterID != g.Spec.VRRP.VirtualRouterID {
			continue
		}
		if node, shared := sharedDirector(g, other); shared {
			return &Finding{
				Condition: v1alpha1.ConditionAccepted,
				Reason:    v1alpha1.ReasonConflict,
				Message: fmt.Sprintf("virtual router id %d on interface %s of node %s belongs to DirectorGroup %s, which is older; choose another virtualRouterID",
					g.Spec.VRRP.VirtualRouterID, g.Spec.Interface, node, other.Name),
			}
		}
	}
	return nil
}

// gatewayConflict finds an older group that carries one of the group's gateway addresses: hosts would find it at two directors.
func gatewayConflict(g *group, older []*group) *Finding {
	for _, other := range older {
		for _, address := range g.Spec.GatewayAddresses {
			if slices.Contains(other.Spec.GatewayAddresses, address) {
				return &Finding{
					Condition: v1alpha1.ConditionAccepted,
					Reason:    v1alpha1.ReasonConflict,
					Message:   fmt.Sprintf("gateway address %s belongs to DirectorGroup %s, which is older; take it out of spec.gatewayAddresses", address, other.Name),
				}
			}
		}
	}
	return nil
}

// sharedDirector is the first node, by name, that is a director of both groups.
func sharedDirector(a, b *group) (node string, shared bool) {
	for _, node := range a.directors {
		if _, both := slices.BinarySearch(b.directors, node); both {
			return node, true
		}
	}
	return "", false
}
