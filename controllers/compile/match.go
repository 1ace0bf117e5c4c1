// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

func compileMatch(match []v1alpha1.Match) []v1alpha1.CompiledMatch {
	compiled := make([]v1alpha1.CompiledMatch, 0, len(match))
	for _, m := range match {
		compiled = append(compiled, v1alpha1.CompiledMatch{
			Addresses:       sortedNetworks(m.Addresses),
			SourceAddresses: sortedNetworks(m.SourceAddresses),
			Protocol:        m.Protocol,
			Ports:           joinedPorts(m.Ports),
			Interface:       m.Interface,
		})
	}
	return compiled
}

// sortedNetworks returns each network once, in numeric order.
func sortedNetworks(networks []v1alpha1.CIDR) []v1alpha1.CIDR {
	sorted := slices.Clone(networks)
	slices.SortFunc(sorted, func(a, b v1alpha1.CIDR) int {
		x, _ := netip.ParsePrefix(string(a))
		y, _ := netip.ParsePrefix(string(b))
		return cmp.Or(x.Compare(y), cmp.Compare(a, b))
	})
	return slices.Compact(sorted)
}

// joinedPorts returns the same ports in order, those that touch or overlap in one range.
func joinedPorts(ports []v1alpha1.PortRange) []v1alpha1.CompiledPortRange {
	sorted := make([]v1alpha1.CompiledPortRange, 0, len(ports))
	for _, port := range ports {
		sorted = append(sorted, v1alpha1.CompiledPortRange{First: port.Port, Last: max(port.Port, port.EndPort)})
	}
	slices.SortFunc(sorted, func(a, b v1alpha1.CompiledPortRange) int { return cmp.Compare(a.First, b.First) })
	var joined []v1alpha1.CompiledPortRange
	for _, next := range sorted {
		if n := len(joined); n > 0 && next.First <= joined[n-1].Last+1 {
			joined[n-1].Last = max(joined[n-1].Last, next.Last)
			continue
		}
		joined = append(joined, next)
	}
	return joined
}
