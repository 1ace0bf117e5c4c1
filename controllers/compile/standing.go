// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"slices"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
	"github.com/lvs-operator/lvs-operator/controllers/allocate"
)

// standingAddresses are the addresses that each of the group's virtual routers had when it was compiled before, or else has in
// NodeStates; nil: the router is new.
func standingAddresses(g *group, s Snapshot) [][]v1alpha1.IPAddress {
	standing := make([][]v1alpha1.IPAddress, len(g.ids))
	for _, part := range standingParts(g.Name, s) {
		for _, router := range part.VirtualRouters {
			if at := slices.Index(g.ids, router.VirtualRouterID); at >= 0 {
				standing[at] = append(standing[at], router.Addresses...)
				if standing[at] == nil {
					standing[at] = []v1alpha1.IPAddress{}
				}
			}
		}
	}
	return standing
}

// standingParts are the group's parts as they stand. What was compiled before counts alone: NodeStates follow it one by one, so
// they may say different things for a moment.
func standingParts(group string, s Snapshot) []v1alpha1.NodeDirectorGroup {
	for _, part := range s.Previous {
		if part.Director != nil {
			// All directors have the same addresses.
			return []v1alpha1.NodeDirectorGroup{*part.Director}
		}
	}
	var parts []v1alpha1.NodeDirectorGroup
	for _, state := range s.NodeStates {
		for _, part := range state.Spec.DirectorGroups {
			if part.Name == group {
				parts = append(parts, part)
			}
		}
	}
	return parts
}

// routerIDs gives every group its virtual router ids. The oldest group chooses first.
func routerIDs(groups []*v1alpha1.DirectorGroup, states []*v1alpha1.NodeState) map[string][]int32 {
	named := idsInStates(states)
	claims := make([]allocate.Claim, 0, len(groups))
	for _, g := range byAge(groups) {
		claim := allocate.Claim{
			Group:     g.Name,
			Interface: g.Spec.Interface,
			Given:     g.Spec.VRRP.VirtualRouterID,
			Routers:   max(1, int(g.Spec.VRRP.VirtualRouters)),
			Kept:      g.Status.VirtualRouterIDs,
			Excluded:  g.Spec.VRRP.ExcludedVirtualRouterIDs,
		}
		if len(claim.Kept) == 0 {
			claim.Kept = named[g.Name]
		}
		claims = append(claims, claim)
	}
	return allocate.RouterIDs(claims, foreignIDs(states))
}

// idsInStates are the ids that each group has by NodeStates, of which one may be older than another: the most, and of as many those of
// the first node by name.
func idsInStates(states []*v1alpha1.NodeState) map[string][]int32 {
	ids := map[string][]int32{}
	from := map[string]string{}
	for _, state := range states {
		for _, part := range state.Spec.DirectorGroups {
			has, had := len(part.VirtualRouters), len(ids[part.Name])
			if has < had || has == had && had > 0 && state.Name > from[part.Name] {
				continue
			}
			from[part.Name], ids[part.Name] = state.Name, nil
			for _, router := range part.VirtualRouters {
				ids[part.Name] = append(ids[part.Name], router.VirtualRouterID)
			}
		}
	}
	return ids
}

// foreignIDs are the ids that NodeStates name, with their group: also one that is gone, or has other ids now, and whose directors are
// yet to hear of it.
func foreignIDs(states []*v1alpha1.NodeState) map[allocate.RouterID]string {
	foreign := map[allocate.RouterID]string{}
	for _, state := range states {
		for _, part := range state.Spec.DirectorGroups {
			for _, router := range part.VirtualRouters {
				foreign[allocate.RouterID{Interface: router.Interface, ID: router.VirtualRouterID}] = part.Name
			}
		}
	}
	return foreign
}
