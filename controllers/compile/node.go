// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"cmp"
	"slices"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// NodePart is what one director group asks of one node.
type NodePart struct {
	// Director is the node's part as a director; nil: it is none of this group.
	Director *v1alpha1.NodeDirectorGroup
	// RealServer are the virtual IPs that the node accepts on lo for this group, sorted.
	RealServer []v1alpha1.IPAddress
}

// MergeNode adds up the parts that all groups have in one node, in any order. pending are the names of groups whose part
// is not known yet, as after a start: what current says of them stays, and so do all of its real server addresses,
// because nothing is taken away before everything is known.
func MergeNode(current v1alpha1.NodeStateSpec, parts []NodePart, pending []string) v1alpha1.NodeStateSpec {
	var directors []v1alpha1.NodeDirectorGroup
	var vips []v1alpha1.IPAddress
	for _, part := range parts {
		if part.Director != nil {
			directors = append(directors, *part.Director)
		}
		vips = append(vips, part.RealServer...)
	}
	for _, group := range current.DirectorGroups {
		if slices.Contains(pending, group.Name) {
			directors = append(directors, group)
		}
	}
	if len(pending) > 0 && current.RealServer != nil {
		vips = append(vips, current.RealServer.Addresses...)
	}
	slices.SortFunc(directors, func(a, b v1alpha1.NodeDirectorGroup) int { return cmp.Compare(a.Name, b.Name) })

	spec := v1alpha1.NodeStateSpec{DirectorGroups: directors}
	if len(vips) > 0 {
		spec.RealServer = &v1alpha1.NodeRealServer{Addresses: sortedAddresses(vips)}
	}
	return spec
}
