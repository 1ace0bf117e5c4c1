// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"net/netip"
	"slices"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// addresses are the virtual IPs to hold now: those of Active routers, of routers that have just yielded the ones that are there, and
// of routers that do not run yet as well, because a router that is about to resume must find them.
func (rs *routers) addresses(actual []plan.Address, now time.Time) []plan.InterfaceAddress {
	var held []plan.InterfaceAddress
	for _, r := range rs.sorted() {
		rs.observe(r, now)
		keeps := r.lingersFor(now) > 0 || r.running == nil && r.failure == nil && !r.released
		for _, address := range rs.offered(r) {
			if r.state == vrrp.Active || keeps && holds(actual, r.carrier, address) {
				held = append(held, plan.InterfaceAddress{Interface: r.carrier, Address: address})
			}
		}
	}
	return held
}

// offered are a router's addresses that are not withdrawn.
func (rs *routers) offered(r *router) []netip.Addr {
	if len(rs.withdrawn) == 0 {
		return r.addresses
	}
	return slices.DeleteFunc(slices.Clone(r.addresses), func(a netip.Addr) bool { return rs.withdrawn[a] > 0 })
}

// withdrawnOf are a group's virtual IPs that are withdrawn, sorted.
func (rs *routers) withdrawnOf(group string) []v1alpha1.IPAddress {
	if len(rs.withdrawn) == 0 {
		return nil
	}
	var all []v1alpha1.IPAddress
	for _, r := range rs.byKey {
		for _, address := range r.addresses {
			if r.key.group == group && rs.withdrawn[address] > 0 {
				all = append(all, v1alpha1.IPAddress(address.String()))
			}
		}
	}
	slices.Sort(all)
	return all
}

// announce tells the link where the virtual IPs are: after each transition to Active, and after one of them was added.
func (rs *routers) announce(actual []plan.Address, added []plan.Operation) {
	for _, r := range rs.sorted() {
		transitions := r.transitions.Load()
		if r.running == nil || r.state != vrrp.Active || r.announced.Load() == transitions && !addsTo(added, r) {
			continue
		}
		if addresses := carried(actual, r); len(addresses) > 0 {
			r.announced.Store(transitions)
			r.running.Announce(addresses)
		}
	}
}

// addsTo says whether one of the operations added an address of the router.
func addsTo(operations []plan.Operation, r *router) bool {
	return slices.ContainsFunc(operations, func(o plan.Operation) bool {
		add, ok := o.(*plan.AddAddress)
		return ok && add.Interface == r.carrier && slices.Contains(r.addresses, add.Prefix.Addr())
	})
}

// holdsAny says whether an address of the router is there with our mark.
func holdsAny(actual []plan.Address, r *router) bool {
	return slices.ContainsFunc(r.addresses, func(a netip.Addr) bool { return holds(actual, r.carrier, a) })
}

func holds(actual []plan.Address, interfaceName string, address netip.Addr) bool {
	return slices.ContainsFunc(actual, func(a plan.Address) bool {
		return a.Ours && a.Interface == interfaceName && a.Prefix.Addr() == address
	})
}

// carried are the router's addresses that are on their interface, whoever put them there.
func carried(actual []plan.Address, r *router) []netip.Addr {
	there := map[netip.Addr]bool{}
	for _, a := range actual {
		if a.Interface == r.carrier {
			there[a.Prefix.Addr()] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(r.addresses), func(a netip.Addr) bool { return !there[a] })
}
