// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"net/netip"
	"slices"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// MarkName stands where a service by firewall mark has no port's name: in its compiled service's id and in its status.
const MarkName = "mark"

// PartNames are the names under which the service is compiled and reported: its ports', or [MarkName].
func PartNames(service *v1alpha1.VirtualService) []string {
	if service.Spec.FirewallMark != nil {
		return []string{MarkName}
	}
	names := make([]string, 0, len(service.Spec.Ports))
	for _, port := range service.Spec.Ports {
		names = append(names, port.Name)
	}
	return names
}

// SingleAddresses are the single addresses that the service's mark matches, such as that of 192.0.2.10/32, sorted. Those of
// them that lie in an address pool are virtual IPs.
func SingleAddresses(service *v1alpha1.VirtualService) []v1alpha1.IPAddress {
	if service.Spec.FirewallMark == nil {
		return nil
	}
	var single []v1alpha1.IPAddress
	for _, match := range service.Spec.FirewallMark.Match {
		for _, cidr := range match.Addresses {
			if address, ok := singleAddress(cidr); ok {
				single = append(single, address)
			}
		}
	}
	return sortedAddresses(single)
}

func singleAddress(cidr v1alpha1.CIDR) (address v1alpha1.IPAddress, ok bool) {
	prefix, err := netip.ParsePrefix(string(cidr))
	if err != nil || !prefix.IsSingleIP() {
		return "", false
	}
	return v1alpha1.IPAddress(prefix.Addr().String()), true
}

// offer is a virtual service with what its group's pools make of it.
type offer struct {
	*v1alpha1.VirtualService
	// carried are the virtual IPs that VRRP carries for it, sorted.
	carried []v1alpha1.IPAddress
	// accepted are those of them that real servers accept on lo, sorted. A mark's next hop is not among them: no packet that
	// is forwarded has it as its destination.
	accepted []v1alpha1.IPAddress
}

// offerOf asks for no address that the namespace may not use, but for the service's own, which is refused elsewhere.
func offerOf(service *v1alpha1.VirtualService, g *group, ns namespace) offer {
	o := offer{VirtualService: service}
	if service.Spec.FirewallMark == nil {
		o.carried = []v1alpha1.IPAddress{service.Spec.Address}
		o.accepted = o.carried
		return o
	}
	for _, address := range SingleAddresses(service) {
		if parsed, err := netip.ParseAddr(string(address)); err == nil && g.lends(parsed, ns) {
			o.accepted = append(o.accepted, address)
		}
	}
	o.carried = o.accepted
	if service.Spec.Address != "" {
		o.carried = sortedAddresses(append(slices.Clone(o.accepted), service.Spec.Address))
	}
	return o
}

// familyOf is the family of the service's packets; of a text that cannot be read, IPv4.
func familyOf(service *v1alpha1.VirtualService) v1alpha1.AddressFamily {
	mark := service.Spec.FirewallMark
	if mark == nil {
		return familyOfText(service.Spec.Address)
	}
	if len(mark.Match) == 0 || len(mark.Match[0].Addresses) == 0 {
		return v1alpha1.FamilyIPv4
	}
	prefix, _ := netip.ParsePrefix(string(mark.Match[0].Addresses[0]))
	return addressFamily(prefix.Addr())
}

func familyOfText(address v1alpha1.IPAddress) v1alpha1.AddressFamily {
	parsed, _ := netip.ParseAddr(string(address))
	return addressFamily(parsed)
}

func addressFamily(address netip.Addr) v1alpha1.AddressFamily {
	if address.Is6() {
		return v1alpha1.FamilyIPv6
	}
	return v1alpha1.FamilyIPv4
}
