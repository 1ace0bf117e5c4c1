// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}

// sortedAddresses returns each address once, in numeric order: 192.0.2.9 before 192.0.2.10.
func sortedAddresses(addresses []v1alpha1.IPAddress) []v1alpha1.IPAddress {
	sorted := slices.Clone(addresses)
	slices.SortFunc(sorted, compareAddresses)
	return slices.Compact(sorted)
}

// compareAddresses orders by number; what is no address comes first, by its text.
func compareAddresses(a, b v1alpha1.IPAddress) int {
	x, _ := netip.ParseAddr(string(a))
	y, _ := netip.ParseAddr(string(b))
	return cmp.Or(x.Compare(y), cmp.Compare(a, b))
}
