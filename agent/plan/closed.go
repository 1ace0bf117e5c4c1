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
	open := leftOpen(in)
	wanted := slices.DeleteFunc(slices.Clone(in.Closed), func(address netip.Addr) bool { return open[address] })
	if !in.Actual.ClosedTampered && slices.Equal(wanted, in.Actual.Closed) {
		return nil
	}
	return []Operation{&SetClosed{wanted}}
}

// leftOpen are the addresses that are not closed, whatever is wanted:
//
//   - those that the node accepts on lo as a real server, from us or from somebody else: packets come to it unchanged, from another
//     director or from its own IPVS, and nothing tells them from others;
//   - those that somebody else gave an interface together with a network: the node is their owner, who accepts in any case (RFC 9568
//     section 6.4.3), and nobody is locked out by a virtual IP that is the director's own address.
func leftOpen(in In) map[netip.Addr]bool {
	open := map[netip.Addr]bool{}
	for _, address := range in.RealServerAddresses {
		open[address] = true
	}
	for _, there := range in.Actual.Addresses {
		if !there.Ours && (there.Interface == realserver.Interface || !there.Prefix.IsSingleIP()) {
			open[there.Prefix.Addr()] = true
		}
	}
	return open
}
