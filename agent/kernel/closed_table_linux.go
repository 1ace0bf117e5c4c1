// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// closedChain is the one chain of our table of closed virtual IPs.
const closedChain = "input"

// Neighbour discovery: the types of ICMPv6 from Router Solicitation to Redirect (RFC 4861 section 4).
const (
	firstOfDiscovery = 133
	lastOfDiscovery  = 137
)

var bothFamilies = []ipvs.Family{ipvs.IPv4, ipvs.IPv6}

// ofClosed is our table of closed virtual IPs.
var ofClosed = nftTable{unix.NFPROTO_INET, AcceptTable}

func closedSet(family ipvs.Family) string { return "closed-" + strings.ToLower(family.String()) }

// closedRules are the rules of our chain.
func closedRules() [][]expression {
	rules := append(make([][]expression, 0, 1+len(bothFamilies)), passDiscovery())
	for _, family := range bothFamilies {
		rules = append(rules, []expression{
			loadMeta(unix.NFT_META_NFPROTO), compare(unix.NFT_CMP_EQ, []byte{byte(family)}),
			loadDestination(family), lookupIn(closedSet(family)), {name: "counter"}, drop(),
		})
	}
	return rules
}

// passDiscovery lets neighbour discovery pass, which an Active must not drop (RFC 9568 section 6.1): questions come to a virtual IP itself
// from neighbours that know it.
func passDiscovery() []expression {
	return []expression{
		loadMeta(unix.NFT_META_NFPROTO), compare(unix.NFT_CMP_EQ, []byte{byte(ipvs.IPv6)}),
		loadMeta(unix.NFT_META_L4PROTO), compare(unix.NFT_CMP_EQ, []byte{unix.IPPROTO_ICMPV6}),
		loadPayload(unix.NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1),
		compare(unix.NFT_CMP_GTE, []byte{firstOfDiscovery}), compare(unix.NFT_CMP_LTE, []byte{lastOfDiscovery}), accept(),
	}
}

// closedMessages delete our table and make it anew, if anything is to be closed.
func closedMessages(addresses []netip.Addr) ([]*nl.NetlinkRequest, error) {
	elements := map[ipvs.Family][]element{}
	for _, address := range addresses {
		if !address.IsValid() {
			return nil, fmt.Errorf("a virtual IP is no address")
		}
		family := ipvs.FamilyOf(address)
		elements[family] = append(elements[family], element{key: string(address.AsSlice())})
	}
	messages := ofClosed.delete()
	if len(addresses) == 0 {
		return messages, nil
	}
	messages = append(messages, ofClosed.add(), ofClosed.newChain(closedChain, nfLocalIn, behindIPVS))
	for i, family := range bothFamilies {
		of := typeIPv4
		if family == ipvs.IPv6 {
			of = typeIPv6
		}
		messages = append(messages, ofClosed.newSet(closedSet(family), i+1, of))
		for chunk := range slices.Chunk(elements[family], mostElements) {
			messages = append(messages, ofClosed.message(unix.NFT_MSG_NEWSETELEM, unix.NLM_F_CREATE,
				elementAttributes(nl.ZeroTerminated(closedSet(family)), chunk)...))
		}
	}
	for _, rule := range closedRules() {
		messages = append(messages, ofClosed.newRule(closedChain, rule))
	}
	return messages, nil
}

// newSet makes a set of single values that stay. The number is for the transaction only.
func (t nftTable) newSet(name string, number int, of datatype) *nl.NetlinkRequest {
	return t.message(unix.NFT_MSG_NEWSET, unix.NLM_F_CREATE,
		nl.NewRtAttr(unix.NFTA_SET_NAME, nl.ZeroTerminated(name)),
		nl.NewRtAttr(unix.NFTA_SET_ID, network32(uint32(number))),
		nl.NewRtAttr(unix.NFTA_SET_KEY_TYPE, network32(of.number)),
		nl.NewRtAttr(unix.NFTA_SET_KEY_LEN, network32(of.length)))
}
