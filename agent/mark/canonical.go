// SPDX-License-Identifier: Apache-2.0

package mark

import (
	"net/netip"
	"slices"
)

// Canonical is the one form of rules that say the same: sorted, each once; networks masked, sorted and as few as possible;
// ports sorted, with those that touch or overlap in one range. Virtual IPs are sorted, each once, and never become a
// network. It keeps what is not valid, for Validate to find. The rules given do not change.
func Canonical(rules []Rule) []Rule {
	canonical := make([]Rule, 0, len(rules))
	for _, rule := range rules {
		if rule.VirtualIPs {
			rule.Destinations = slices.Compact(slices.SortedFunc(slices.Values(rule.Destinations), netip.Prefix.Compare))
		} else {
			rule.Destinations = fewest(rule.Destinations)
		}
		rule.Sources = fewest(rule.Sources)
		if len(rule.Sources) == 1 && rule.Sources[0].IsValid() && rule.Sources[0].Bits() == 0 {
			rule.Sources = nil
		}
		rule.Ports = joined(rule.Ports)
		canonical = append(canonical, rule)
	}
	slices.SortFunc(canonical, Rule.Compare)
	return slices.CompactFunc(canonical, Rule.Equal)
}

// fewest are the same addresses in the fewest networks, sorted.
func fewest(networks []netip.Prefix) []netip.Prefix {
	masked := make([]netip.Prefix, 0, len(networks))
	for _, network := range networks {
		if network.IsValid() {
			network = network.Masked()
		}
		masked = append(masked, network)
	}
	// A network comes before those inside it.
	slices.SortFunc(masked, netip.Prefix.Compare)
	var few []netip.Prefix
	for _, network := range masked {
		if n := len(few); n > 0 && (few[n-1] == network || few[n-1].Overlaps(network)) {
			continue
		}
		few = append(few, network)
		for n := len(few); n > 1 && parent(few[n-1]).IsValid() && parent(few[n-1]) == parent(few[n-2]); n = len(few) {
			few = append(few[:n-2], parent(few[n-1]))
		}
	}
	return few
}

// parent is the network of twice the size that a network lies in; that of all addresses has none.
func parent(network netip.Prefix) netip.Prefix {
	return netip.PrefixFrom(network.Addr(), network.Bits()-1).Masked()
}

// joined are the same ports in order, those that touch or overlap in one range.
func joined(ports []PortRange) []PortRange {
	sorted := slices.SortedFunc(slices.Values(ports), PortRange.compare)
	var ranges []PortRange
	for _, next := range sorted {
		if n := len(ranges); n > 0 && next.First <= next.Last && int(next.First) <= int(ranges[n-1].Last)+1 {
			ranges[n-1].Last = max(ranges[n-1].Last, next.Last)
			continue
		}
		ranges = append(ranges, next)
	}
	return ranges
}
