// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"cmp"
	"slices"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
	"github.com/lvs-operator/lvs-operator/controllers/allocate"
)

// virtualRouter is one of the group's virtual routers, counted from 0, on one director.
func (g *group) virtualRouter(router int, node string, vips []v1alpha1.IPAddress) v1alpha1.VirtualRouter {
	vrrp := g.Spec.VRRP
	return v1alpha1.VirtualRouter{
		VirtualRouterID:       g.ids[router],
		Interface:             g.Spec.Interface,
		Version:               cmp.Or(vrrp.Version, defaultVersion),
		Priority:              g.priorityOf(router, node),
		Lowered:               g.leaving[node],
		AdvertisementInterval: orDuration(vrrp.AdvertisementInterval, defaultAdvertisementInterval),
		Preempt:               or(vrrp.Preempt, true),
		PreemptDelay:          vrrp.PreemptDelay,
		MoveTogether:          vrrp.MoveTogether,
		UnicastAddresses:      unicastAddresses(vrrp),
		AdvertisedAddresses:   vrrp.AdvertisedAddresses,
		Checksum:              vrrp.Checksum,
		Announcements:         vrrp.Announcements,
		VirtualMAC:            vrrp.VirtualMAC,
		Closed:                !or(vrrp.AcceptMode, true),
		Authentication:        vrrp.Authentication,
		Addresses:             vips,
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

// priorityOf is a director's priority in one of the group's virtual routers. Where there are several, its place decides.
func (g *group) priorityOf(router int, node string) int32 {
	if g.leaving[node] != "" {
		return leavingPriority
	}
	if len(g.ids) > 1 {
		return allocate.Priority(router, slices.Index(g.places, node), cmp.Or(g.Spec.VRRP.DefaultPriority, defaultPriority))
	}
	return g.configuredPriority(node)
}

// configuredPriority is the one that a group with one virtual router gives a director.
func (g *group) configuredPriority(node string) int32 {
	vrrp := g.Spec.VRRP
	for _, listed := range vrrp.Priorities {
		if listed.Node == node {
			return listed.Priority
		}
	}
	return cmp.Or(vrrp.DefaultPriority, defaultPriority)
}
