// SPDX-License-Identifier: Apache-2.0

package rollup

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// Router is one virtual router of a group on one director. The group's directors run the same virtual routers, each with an
// election of its own.
type Router struct {
	// ID is the VRID, 1 to 255.
	ID int32
	// Priority and Addresses are those that the node was given.
	Priority  int32
	Addresses []v1alpha1.IPAddress
	// State is VRRPUnknown until the agent has reported one, and after its claim to be Active was dropped.
	State v1alpha1.VRRPState
	// Since is when State was entered, by the node's clock, in whole seconds; Epoch counts how often that was Active.
	Since metav1.Time
	Epoch int64
	// Family is that of the advertisements; empty until the agent has reported it.
	Family v1alpha1.AddressFamily
	// Source is the address that the director sends from, Following that of the Active one which it follows as Backup, and Peers
	// the others that it hears with the router's id. Empty: none.
	Source, Following v1alpha1.IPAddress
	Peers             []v1alpha1.VRRPPeer
	// Superseded says that State is Active and that the claim does not count, because another director's newer one does; see
	// [Claims.Settle].
	Superseded bool
}

func (r *Router) read(reported v1alpha1.VirtualRouterStatus) {
	r.State, r.Since, r.Epoch, r.Family = reported.State, reported.Since, reported.Epoch, reported.Family
	r.Source, r.Following, r.Peers = reported.Source, reported.Following, reported.Peers
}

// claims says whether the director claims to be Active, and the claim counts.
func (r *Router) claims() bool { return r != nil && r.State == v1alpha1.VRRPActive && !r.Superseded }

// router is the virtual router of that id; nil: the node was not given it.
func (d *Director) router(id int32) *Router {
	for i := range d.Routers {
		if d.Routers[i].ID == id {
			return &d.Routers[i]
		}
	}
	return nil
}

// stateOf is the state of the virtual router of that id.
func (d *Director) stateOf(id int32) v1alpha1.VRRPState {
	if r := d.router(id); r != nil {
		return r.State
	}
	return v1alpha1.VRRPUnknown
}

// state sums the states up as [v1alpha1.DirectorStatus].State says.
func (d *Director) state() v1alpha1.VRRPState {
	for _, state := range []v1alpha1.VRRPState{v1alpha1.VRRPActive, v1alpha1.VRRPBackup, v1alpha1.VRRPInitialize} {
		if slices.ContainsFunc(d.Routers, func(r Router) bool { return r.State == state }) {
			return state
		}
	}
	return v1alpha1.VRRPUnknown
}

// priority is the highest that the node was given.
func (d *Director) priority() int32 {
	var highest int32
	for _, r := range d.Routers {
		highest = max(highest, r.Priority)
	}
	return highest
}

// carries says whether the node was given the virtual IP.
func (d *Director) carries(address v1alpha1.IPAddress) bool {
	return slices.ContainsFunc(d.Routers, func(r Router) bool { return slices.Contains(r.Addresses, address) })
}

// routersOf are the ids, sorted, of the virtual routers that carry virtual IPs. One without any runs nowhere. While there is no
// virtual IP at all it is the ids of all.
func routersOf(directors []Director) []int32 {
	if ids := idsOf(directors, func(r Router) bool { return len(r.Addresses) > 0 }); len(ids) > 0 {
		return ids
	}
	return idsOf(directors, func(Router) bool { return true })
}

// routersFor are the ids, sorted, of the virtual routers that carry any of the addresses; all that carry any if none carries one of
// these, as for a firewall mark that matches no virtual IP.
func routersFor(directors []Director, addresses []v1alpha1.IPAddress) []int32 {
	ids := idsOf(directors, func(r Router) bool {
		return slices.ContainsFunc(addresses, func(a v1alpha1.IPAddress) bool { return slices.Contains(r.Addresses, a) })
	})
	if len(ids) == 0 {
		return routersOf(directors)
	}
	return ids
}

func idsOf(directors []Director, wanted func(Router) bool) []int32 {
	var ids []int32
	for _, d := range directors {
		for _, r := range d.Routers {
			if wanted(r) {
				ids = append(ids, r.ID)
			}
		}
	}
	slices.SortFunc(ids, cmp.Compare[int32])
	return slices.Compact(ids)
}
