// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// RelayTable is how the names of our nftables tables begin that send held packets on to another director: of each interface one of
// family ip and one of family ip6, as the kernel has what copies a packet to a next hop for these two alone (nft_dup_ipv4, nft_dup_ipv6).
const RelayTable = "lvs-operator-relay"

// RelayTableOf is the name of the tables of an interface, of which nft reads what it prints: RelayTable, a hyphen and the interface's
// name, in which each byte but letters, digits and "._-" is written as a slash, which no name has, and two hexadecimal digits.
func RelayTableOf(name string) string {
	var table strings.Builder
	table.WriteString(RelayTable + "-")
	for _, b := range []byte(name) {
		switch {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', strings.IndexByte("._-", b) >= 0:
			table.WriteByte(b)
		default:
			fmt.Fprintf(&table, "/%02x", b)
		}
	}
	return table.String()
}

// relayPriority is before the packets are dropped.
const relayPriority = behindIPVS - 1

// The TTL or hop limit (RFC 791 section 3.1, RFC 8200 section 3) of a packet that is sent on, and what it has to be above before. No
// packet is sent on twice: the director that gets it has it with this or less. What a client sent has to reach a real server, which is
// near; what a real server sent, with 64 or more at first, has the way to the client before it.
const (
	requestHops = 8
	answerHops  = 56
)

func (s heldSet) hops() uint8 {
	if s.chain == holdForward {
		return answerHops
	}
	return requestHops
}

// Registers that no key reaches.
const (
	nextHopRegister   = unix.NFT_REG_4
	interfaceRegister = unix.NFT_REG_3
)

// relaying is a set that holds TCP for as long as a map may hold something. nft lists the lookup in a map where what it found is used, behind
// the change of the packet: rules that somebody saved and loads again would change every packet, did they not look here before.
const relaying = "relaying"

func relayTable(family ipvs.Family, name string) nftTable {
	of := uint8(unix.NFPROTO_IPV4)
	if family == ipvs.IPv6 {
		of = unix.NFPROTO_IPV6
	}
	return nftTable{of, RelayTableOf(name)}
}

// newRelayTable makes the table of a family and an interface anew, with nothing to send on. Its maps are the sets of what is held, each
// with the next hop of its packets.
func newRelayTable(family ipvs.Family, on link) []*nl.NetlinkRequest {
	table, hop := relayTable(family, on.name), typeIPv4
	if family == ipvs.IPv6 {
		hop = typeIPv6
	}
	messages := append(table.delete(), table.add(),
		table.newChain(holdInput, nfLocalIn, relayPriority), table.newChain(holdForward, nfForward, relayPriority),
		table.newRule(holdInput, hasSocket()), table.newTimedSet(relaying, len(holdSets())+1, typeProtocol, nil))
	for i, set := range holdSets() {
		if set.family == family {
			messages = append(messages, table.newTimedSet(set.name, i+1, set.of, &hop), table.newRule(set.chain, set.relay(on.index)))
		}
	}
	return messages
}

// relay copies to its next hop, over an interface, each packet that the map holds and that has not been sent on before.
func (s heldSet) relay(index int) []expression {
	steps := append([]expression{
		loadMeta(unix.NFT_META_L4PROTO), lookupIn(relaying), compare(unix.NFT_CMP_EQ, []byte{byte(ipvs.TCP)}),
	}, s.key...)
	found := lookupIn(s.name)
	found.attributes[unix.NFTA_LOOKUP_DREG] = network32(nextHopRegister)
	steps = append(append(steps, found), s.then...)
	steps = append(steps, loadHops(s.family), compare(unix.NFT_CMP_GT, []byte{s.hops()}), expression{name: "counter"})
	return append(append(steps, setHops(s.family, s.hops())...),
		immediate(interfaceRegister, dataValue(nl.Uint32Attr(uint32(index)))),
		expression{name: "dup", attributes: attributes{
			unix.NFTA_DUP_SREG_ADDR: network32(nextHopRegister), unix.NFTA_DUP_SREG_DEV: network32(interfaceRegister),
		}})
}

// hopsAt is where a header has its TTL or hop limit.
func hopsAt(family ipvs.Family) uint32 {
	if family == ipvs.IPv6 {
		return 7
	}
	return 8
}

// loadHops loads a packet's TTL or hop limit.
func loadHops(family ipvs.Family) expression {
	return loadPayload(unix.NFT_PAYLOAD_NETWORK_HEADER, hopsAt(family), 1)
}

// setHops changes a packet's TTL or hop limit, and with it the checksum of IPv4's header.
func setHops(family ipvs.Family, hops uint8) []expression {
	write := attributes{
		unix.NFTA_PAYLOAD_SREG: network32(unix.NFT_REG_1), unix.NFTA_PAYLOAD_BASE: network32(unix.NFT_PAYLOAD_NETWORK_HEADER),
		unix.NFTA_PAYLOAD_OFFSET: network32(hopsAt(family)), unix.NFTA_PAYLOAD_LEN: network32(1),
	}
	if family == ipvs.IPv4 {
		write[unix.NFTA_PAYLOAD_CSUM_TYPE] = network32(unix.NFT_PAYLOAD_CSUM_INET)
		write[unix.NFTA_PAYLOAD_CSUM_OFFSET] = network32(10)
	}
	return []expression{immediate(unix.NFT_REG_1, dataValue([]byte{hops})), {name: "payload", attributes: write}}
}

// relays put what is held into the maps of an interface and the next hop's family.
func relays(elements map[string][]element, to netip.Addr, name string) []*nl.NetlinkRequest {
	family := ipvs.FamilyOf(to)
	messages := relayTable(family, name).refresh(relaying, []element{{key: string([]byte{byte(ipvs.TCP)}), timeout: MaxHold}})
	for _, set := range holdSets() {
		if set.family != family {
			continue
		}
		hops := make([]element, 0, len(elements[set.name]))
		for _, e := range elements[set.name] {
			e.data = string(to.AsSlice())
			hops = append(hops, e)
		}
		messages = append(messages, relayTable(family, name).refresh(set.name, hops)...)
	}
	return messages
}

// forgetHops takes all elements out of the maps of an interface and a family.
func forgetHops(family ipvs.Family, name string) []*nl.NetlinkRequest {
	var messages []*nl.NetlinkRequest
	for _, set := range holdSets() {
		if set.family == family {
			messages = append(messages, relayTable(family, name).message(unix.NFT_MSG_DELSETELEM, 0,
				nl.NewRtAttr(unix.NFTA_SET_ELEM_LIST_SET, nl.ZeroTerminated(set.name))))
		}
	}
	return messages
}
