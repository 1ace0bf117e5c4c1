// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"net/netip"
	"slices"

	"github.com/lvs-operator/lvs-operator/agent/realserver"
)

// diffClosed compares the virtual IPs that accept nothing but what IPVS takes.
func diffClosed(in In) []Operation {
	if in.Actual.ClosedErr != nil {
		return nil
	}
	accepted := acceptedOnLo(in)
	wanted := slices.DeleteFunc(slices.Clone(in.Closed), func(address netip.Addr) bool { return accepted[address] })
	if !in.Actual.ClosedTampered && slices.Equal(wanted, in.Actual.Closed) {
		return nil
	}
	return []Operation{&SetClosed{wanted}}
}

// acceptedOnLo are the virtual IPs that the node accepts as a real server: those that we bring, and those that somebody else has brought.
// They stay open. Packets for a real server come to the node unchanged, from another director or from its own IPVS, and nothing tells
// them from others.
func acceptedOnLo(in In) map[netip.Addr]bool {
	accepted := map[netip.Addr]bool{}
	for _, address := range in.RealServerAddresses {
		accepted[address] = true
	}
	for _, there := range in.Actual.Addresses {
		if there.Interface == realserver.Interface && !there.Ours {
			accepted[there.Prefix.Addr()] = true
		}
	}
	return accepted
}
