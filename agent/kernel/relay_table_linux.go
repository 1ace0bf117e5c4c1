// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// RelayTable is our nftables table that sends held packets on to another director, one of family ip and one of family ip6: the kernel
// has what copies a packet to a next hop for these two alone (nft_dup_ipv4, nft_dup_ipv6).
const RelayTable = "lvs-operator-relay"

// relayPriority is before the packets are dropped.
const relayPriority = behindIPVS - 1

// Attributes of the expression dup (enum nft_dup_attributes of linux/netfilter/nf_tables.h).
const nftaDupAddress = 1

func relayTable(family ipvs.Family) nftTable {
	of := uint8(unix.NFPROTO_IPV4)
	if family == ipvs.IPv6 {
		of = unix.NFPROTO_IPV6
	}
	return nftTable{of, RelayTable}
}

// newRelayTable makes the table of a family anew, with nothing to send on. Its maps are the sets of what is held, each with the
// next hop of its packets.
func newRelayTable(family ipvs.Family) []*nl.NetlinkRequest {
	table, hop := relayTable(family), typeIPv4
	if family == ipvs.IPv6 {
		hop = typeIPv6
	}
	messages := append(table.delete(), table.add(),
		table.newChain(holdInput, nfLocalIn, relayPriority), table.newChain(holdForward, nfForward, relayPriority),
		table.newRule(holdInput, hasSocket()))
	for i, set := range holdSets() {
		if set.family == family {
			messages = append(messages, table.newTimedSet(set.name, i+1, set.of, &hop), table.newRule(set.chain, set.relay()))
		}
	}
	return messages
}

// relay copies to its next hop each packet that the map holds.
func (s heldSet) relay() []expression {
	steps := append([]expression{loadMeta(unix.NFT_META_L4PROTO), compare(unix.NFT_CMP_EQ, []byte{byte(ipvs.TCP)})}, s.key...)
	found := lookupIn(s.name)
	found.attributes[unix.NFTA_LOOKUP_DREG] = network32(unix.NFT_REG_4) // which no key reaches
	steps = append(append(steps, found), s.then...)
	return append(steps, expression{name: "counter"},
		expression{name: "dup", attributes: attributes{nftaDupAddress: network32(unix.NFT_REG_4)}})
}

// relays put what is held into the maps of the next hop's family.
func relays(elements map[string][]element, to netip.Addr) []*nl.NetlinkRequest {
	family := ipvs.FamilyOf(to)
	var messages []*nl.NetlinkRequest
	for _, set := range holdSets() {
		if set.family != family {
			continue
		}
		hops := make([]element, 0, len(elements[set.name]))
		for _, e := range elements[set.name] {
			e.data = string(to.AsSlice())
			hops = append(hops, e)
		}
		messages = append(messages, relayTable(family).refresh(set.name, hops)...)
	}
	return messages
}
