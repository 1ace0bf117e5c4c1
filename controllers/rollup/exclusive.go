// SPDX-License-Identifier: Apache-2.0

package rollup

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// foreignRouter is the first one, as a director hears it, that advertises with an id of the group's and is none of its directors.
// While a director has not said where it sends from it may be that one, unless what it sends is wrong.
func foreignRouter(ids string, directors []Director) obstacle {
	own := map[v1alpha1.IPAddress]bool{}
	allKnown := true
	for _, d := range directors {
		for _, source := range d.Sources {
			own[source] = true
		}
		allKnown = allKnown && len(d.Sources) > 0
	}
	for _, d := range directors {
		foreign := slices.IndexFunc(d.Peers, func(p v1alpha1.VRRPPeer) bool { return !own[p.Address] && (allKnown || p.Discarded != "") })
		if foreign >= 0 {
			return obstacle{v1alpha1.ReasonForeignRouter, foreignMessage(ids, d.Name, d.Peers[foreign])}
		}
	}
	return obstacle{}
}

func foreignMessage(ids, director string, peer v1alpha1.VRRPPeer) string {
	var message strings.Builder
	fmt.Fprintf(&message, "director %s hears %s advertise with %s, and no director of this group sends from there", director, peer.Address, ids)
	switch {
	case peer.Discarded != "":
		fmt.Fprintf(&message, "; what it sends is discarded (%s)", peer.Discarded)
	case peer.Priority > 0:
		fmt.Fprintf(&message, ", with priority %d", peer.Priority)
	}
	message.WriteString(": if it is not a keepalived that shares this router on purpose, give one of the two another id, or exclude one that was allocated to this group (vrrp.excludedVirtualRouterIDs)")
	return message.String()
}
