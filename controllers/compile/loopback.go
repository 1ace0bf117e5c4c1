// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"cmp"
	"net/netip"

	"k8s.io/apimachinery/pkg/types"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// unchanged are the virtual IPs of one pool's services by how packets to them reach a member.
type unchanged struct {
	// all are those of every service, direct those whose method is not NAT.
	all, direct []v1alpha1.IPAddress
}

// vipsByRealServer lists, a node, the virtual IPs that it has to accept as a real server: those of the services that reach
// it unchanged, where the pool leaves the set-up to us.
func (w *world) vipsByRealServer(nodes []Node) map[string][]v1alpha1.IPAddress {
	byPool := map[types.NamespacedName]unchanged{}
	for _, service := range w.served {
		key := poolKey(service.VirtualService)
		vips := byPool[key]
		vips.all = append(vips.all, service.accepted...)
		if methodOf(service.VirtualService) != v1alpha1.NAT {
			vips.direct = append(vips.direct, service.accepted...)
		}
		byPool[key] = vips
	}
	owners := nodesByAddress(nodes)
	byNode := map[string][]v1alpha1.IPAddress{}
	accept := func(address v1alpha1.IPAddress, vips []v1alpha1.IPAddress) {
		if len(vips) == 0 {
			return
		}
		for _, node := range owners[address] {
			byNode[node] = append(byNode[node], vips...)
		}
	}
	for _, service := range w.served {
		sorry := service.Spec.SorryServer
		if sorry != nil && w.pools[poolKey(service.VirtualService)].Spec.Setup != v1alpha1.SetupManual &&
			cmp.Or(sorry.ForwardingMethod, methodOf(service.VirtualService)) != v1alpha1.NAT {
			accept(sorry.Address, service.accepted)
		}
	}
	for key, vips := range byPool {
		if w.pools[key].Spec.Setup == v1alpha1.SetupManual {
			continue
		}
		vips = unchanged{all: sortedAddresses(vips.all), direct: sortedAddresses(vips.direct)}
		for _, member := range w.pools[key].Spec.Members {
			accept(member.Address, vips.at(member))
		}
	}
	return byNode
}

// at are the virtual IPs that the member has to accept.
func (u unchanged) at(member v1alpha1.Member) []v1alpha1.IPAddress {
	switch member.ForwardingMethod {
	case v1alpha1.NAT:
		return nil
	case v1alpha1.DirectRouting, v1alpha1.Tunnel:
		return u.all
	default:
		return u.direct
	}
}

// nodesByAddress are the names of the nodes that have an address, in its canonical form.
func nodesByAddress(nodes []Node) map[v1alpha1.IPAddress][]string {
	owners := map[v1alpha1.IPAddress][]string{}
	for _, node := range nodes {
		for _, text := range node.InternalIPs {
			address, err := netip.ParseAddr(text)
			if err != nil {
				continue
			}
			key := v1alpha1.IPAddress(address.String())
			owners[key] = append(owners[key], node.Name)
		}
	}
	return owners
}
