// SPDX-License-Identifier: Apache-2.0

package rollup

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// foreignRouter is the first one, as a director hears it, that advertises with a router id of the group and is none of its directors.
func foreignRouter(directors []Director) obstacle {
	for _, id := range routersOf(directors) {
		if against := foreignOf(id, directors); against.reason != "" {
			return against
		}
	}
	return obstacle{}
}

// foreignOf is that for one router id. While a director has not said where it sends from it may be that one, unless what it sends is
// wrong.
func foreignOf(id int32, directors []Director) obstacle {
	own := map[v1alpha1.IPAddress]bool{}
	allKnown := true
	for i := range directors {
		r := directors[i].router(id)
		allKnown = allKnown && r != nil && r.Source != ""
		if r != nil {
			own[r.Source] = true
		}
	}
	for i := range directors {
		r := directors[i].router(id)
		if r == nil {
			continue
		}
		foreign := slices.IndexFunc(r.Peers, func(p v1alpha1.VRRPPeer) bool { return !own[p.Address] && (allKnown || p.Discarded != "") })
		if foreign >= 0 {
			return obstacle{v1alpha1.ReasonForeignRouter, foreignMessage(id, directors[i].Name, r.Peers[foreign])}
		}
	}
	return obstacle{}
}

func foreignMessage(id int32, director string, peer v1alpha1.VRRPPeer) string {
	var message strings.Builder
	fmt.Fprintf(&message, "director %s hears %s advertise with virtual router id %d, and no director of this group sends from there", director, peer.Address, id)
	switch {
	case peer.Discarded != "":
		fmt.Fprintf(&message, "; what it sends is discarded (%s)", peer.Discarded)
	case peer.Priority > 0:
		fmt.Fprintf(&message, ", with priority %d", peer.Priority)
	}
	message.WriteString(": if it is not a keepalived that shares this router on purpose, give one of the two another id, or exclude one that was allocated to this group (vrrp.excludedVirtualRouterIDs)")
	return message.String()
}
