// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"maps"
	"slices"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
	"github.com/lvs-operator/lvs-operator/controllers/allocate"
)

// Compile says what the directors and real servers of one group have to do. What an object asks for in vain ends in its
// [Verdict] and stops no other object. A group that is not in the snapshot needs nothing.
func Compile(s Snapshot) Result {
	w := judge(s)
	g, known := w.groups[s.Group]
	if !known {
		return Result{}
	}
	result := Result{
		Group:            Verdict{Generation: g.Generation},
		Services:         w.verdicts,
		Directors:        g.directors,
		VirtualRouterIDs: g.ids,
		Places:           g.places,
	}
	if g.refused != nil {
		result.Group.Findings = []Finding{*g.refused}
		return result
	}
	realServers, sets := w.compilePools(g.Name, s.RealServerSlices)
	result.RealServerSlices = realServers
	result.ServiceSlices = serviceSlices(g.Name, s.ServiceSlices, w.compileServices(sets))
	result.Nodes = w.nodeParts(g, s)
	return result
}

// nodeParts are the group's parts in the states of its directors and its real servers.
func (w *world) nodeParts(g *group, s Snapshot) map[string]NodePart {
	vips := slices.Clone(g.Spec.GatewayAddresses)
	for _, service := range w.served {
		vips = append(vips, service.carried...)
	}
	byRouter := allocate.Spread(sortedAddresses(vips), standingAddresses(g, s))

	parts := map[string]NodePart{}
	for _, director := range g.directors {
		parts[director] = NodePart{Director: directorPart(g, director, byRouter)}
	}
	for node, accepted := range w.vipsByRealServer(s.Nodes) {
		part := parts[node]
		part.RealServer = sortedAddresses(accepted)
		parts[node] = part
	}
	return parts
}

// directorPart is one director's part: what the group owns and sets in the kernel, and its virtual routers, each with its addresses.
func directorPart(g *group, node string, vips [][]v1alpha1.IPAddress) *v1alpha1.NodeDirectorGroup {
	settings := g.settings
	part := &v1alpha1.NodeDirectorGroup{
		Name:         g.Name,
		AddressPools: networks(g.Spec.AddressPools),
		MarkRanges:   g.markRanges(),
		ProbeMarks:   g.probeMarks(),
		IPVS:         &settings,

		ConnectionSync: g.sync,
	}
	for router := range g.ids {
		part.VirtualRouters = append(part.VirtualRouters, g.virtualRouter(router, node, vips[router]))
	}
	return part
}

func networks(pools []v1alpha1.AddressPool) []v1alpha1.CIDR {
	set := map[v1alpha1.CIDR]bool{}
	for _, pool := range pools {
		for _, cidr := range pool.CIDRs {
			set[cidr] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}
