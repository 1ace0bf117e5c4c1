// SPDX-License-Identifier: Apache-2.0

package ipvs

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// Ownership says which services of a table are ours: IPVS entries carry no owner. The zero Ownership owns none.
type Ownership struct {
	// Networks are the address pools: every service by address inside them is ours. Sorted, each once.
	Networks []netip.Prefix `json:"networks,omitempty"`
	// Marks are the ranges of firewall marks: every service by a mark inside them is ours. Sorted, each once.
	Marks []MarkRange `json:"marks,omitempty"`
}

// MarkRange is the firewall marks from First to Last, both included; 1 to 4294967295.
type MarkRange struct {
	First uint32 `json:"first"`
	Last  uint32 `json:"last"`
}

// String is the range as the API writes it, for example 100-199.
func (r MarkRange) String() string { return fmt.Sprintf("%d-%d", r.First, r.Last) }

// Has says whether a mark is one of them. The zero range has none.
func (r MarkRange) Has(mark uint32) bool { return mark != 0 && r.First <= mark && mark <= r.Last }

// Owns says whether the service is ours.
func (o Ownership) Owns(key ServiceKey) bool {
	if key.Mark != 0 {
		return slices.ContainsFunc(o.Marks, func(r MarkRange) bool { return r.Has(key.Mark) })
	}
	return slices.ContainsFunc(o.Networks, func(network netip.Prefix) bool { return network.Contains(key.Address) })
}

// IsZero says whether it owns nothing.
func (o Ownership) IsZero() bool { return len(o.Networks) == 0 && len(o.Marks) == 0 }

// Equal says whether two are the same.
func (o Ownership) Equal(other Ownership) bool {
	return slices.Equal(o.Networks, other.Networks) && slices.Equal(o.Marks, other.Marks)
}

// Union owns what any of them owns.
func Union(all ...Ownership) Ownership {
	var union Ownership
	for _, o := range all {
		union.Networks = append(union.Networks, o.Networks...)
		union.Marks = append(union.Marks, o.Marks...)
	}
	slices.SortFunc(union.Networks, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	slices.SortFunc(union.Marks, func(a, b MarkRange) int { return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last)) })
	union.Networks, union.Marks = slices.Compact(union.Networks), slices.Compact(union.Marks)
	return union
}

// Without is what remains of o when the networks and ranges of other are taken out by name: a network is left out only if
// other lists the same one.
func (o Ownership) Without(other Ownership) Ownership {
	return Ownership{
		Networks: slices.DeleteFunc(slices.Clone(o.Networks), func(p netip.Prefix) bool { return slices.Contains(other.Networks, p) }),
		Marks:    slices.DeleteFunc(slices.Clone(o.Marks), func(r MarkRange) bool { return slices.Contains(other.Marks, r) }),
	}
}
