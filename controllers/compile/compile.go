// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"cmp"
	"maps"
	"slices"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
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
		Group:     Verdict{Generation: g.Generation},
		Services:  w.verdicts,
		Directors: g.directors,
	}
	if g.refused != nil {
		result.Group.Findings = []Finding{*g.refused}
		return result
	}
	realServers, sets := w.compilePools(g.Name, s.RealServerSlices)
	result.RealServerSlices = realServers
	result.ServiceSlices = serviceSlices(g.Name, s.ServiceSlices, w.compileServices(sets))
	result.Nodes = w.nodeParts(g, s.Nodes)
	return result
}

// nodeParts are the group's parts in the states of its directors and its real servers.
func (w *world) nodeParts(g *group, nodes []Node) map[string]NodePart {
	vips := slices.Clone(g.Spec.GatewayAddresses)
	for _, service := range w.served {
		vips = append(vips, service.carried...)
	}
	vips = sortedAddresses(vips)

	parts := map[string]NodePart{}
	for _, director := range g.directors {
		parts[director] = NodePart{Director: directorPart(g, director, vips)}
	}
	for node, accepted := range w.vipsByRealServer(nodes) {
		part := parts[node]
		part.RealServer = sortedAddresses(accepted)
		parts[node] = part
	}
	return parts
}

// directorPart is one director's part: what the group owns and sets in the kernel, and its one virtual router, which carries
// every address.
func directorPart(g *group, node string, vips []v1alpha1.IPAddress) *v1alpha1.NodeDirectorGroup {
	vrrp, settings := g.Spec.VRRP, g.settings
	return &v1alpha1.NodeDirectorGroup{
		Name:         g.Name,
		AddressPools: networks(g.Spec.AddressPools),
		MarkRanges:   g.markRanges(),
		IPVS:         &settings,

		ConnectionSync: g.sync,
		VirtualRouters: []v1alpha1.VirtualRouter{{
			VirtualRouterID:       vrrp.VirtualRouterID,
			Interface:             g.Spec.Interface,
			Version:               cmp.Or(vrrp.Version, defaultVersion),
			Priority:              g.priorityOf(node),
			Lowered:               g.leaving[node],
			AdvertisementInterval: orDuration(vrrp.AdvertisementInterval, defaultAdvertisementInterval),
			Preempt:               or(vrrp.Preempt, true),
			PreemptDelay:          vrrp.PreemptDelay,
			MoveTogether:          vrrp.MoveTogether,
			UnicastAddresses:      unicastAddresses(vrrp),
			AdvertisedAddresses:   vrrp.AdvertisedAddresses,
			Checksum:              vrrp.Checksum,
			Announcements:         vrrp.Announcements,
			Authentication:        vrrp.Authentication,
			Addresses:             vips,
		}},
	}
}

func unicastAddresses(vrrp v1alpha1.VRRP) []v1alpha1.IPAddress {
	if vrrp.Unicast == nil {
		return nil
	}
	return vrrp.Unicast.Addresses
}

// leavingPriority is that of a director that hands over. Among those that do it is the same, so that nothing moves from one to another.
const leavingPriority = 1

func (g *group) priorityOf(node string) int32 {
	if g.leaving[node] != "" {
		return leavingPriority
	}
	return g.configuredPriority(node)
}

// configuredPriority is the one that the group gives a director.
func (g *group) configuredPriority(node string) int32 {
	vrrp := g.Spec.VRRP
	for _, listed := range vrrp.Priorities {
		if listed.Node == node {
			return listed.Priority
		}
	}
	return cmp.Or(vrrp.DefaultPriority, defaultPriority)
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
