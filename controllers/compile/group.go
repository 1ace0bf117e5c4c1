// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
	"github.com/lvs-operator/lvs-operator/controllers/allocate"
)

// group is a director group and what was found of it.
type group struct {
	*v1alpha1.DirectorGroup
	pools     []addressPool
	markPools []markPool
	settings  v1alpha1.CompiledIPVSSettings
	sync      *v1alpha1.CompiledConnectionSync // nil: none
	directors []string                         // names of the selected nodes, sorted
	ids       []int32                          // of its virtual routers; 0: none was free
	places    []string                         // directors by place; none with one virtual router
	leaving   map[string]string                // why a director hands over, for those that do
	peers     []*group                         // the other accepted groups that share a director, the oldest first
	refused   *Finding
}

// judgeGroups looks at every group, the oldest first: a younger one that wants what an older one has is refused.
func judgeGroups(s Snapshot) map[string]*group {
	judged := make(map[string]*group, len(s.Groups))
	ids := routerIDs(s.Groups, s.NodeStates)
	var accepted []*group
	for _, object := range byAge(s.Groups) {
		g := readGroup(object, s.Nodes)
		g.ids = ids[object.Name]
		if len(g.ids) > 1 {
			g.places = allocate.Places(object.Name, object.Status.Places, g.directors)
		}
		g.sync = compileSync(g, accepted)
		if g.refused == nil {
			g.refused = exhausted(g)
		}
		if g.refused == nil {
			g.refused = routerConflict(g, accepted)
		}
		if g.refused == nil {
			g.refused = gatewayConflict(g, accepted)
		}
		if g.refused == nil {
			g.refused = probeMarkConflict(g, accepted)
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
