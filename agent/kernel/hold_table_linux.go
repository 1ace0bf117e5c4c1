// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// behindIPVS is the priority of chains that see what IPVS has left: it looks at 98 to 100 (NF_IP_PRI_NAT_SRC-2 to NF_IP_PRI_NAT_SRC,
// ip_vs_ops4 of ip_vs_core.c).
const behindIPVS = 110

// mostElements is how many elements one message takes, of at most 64 bytes each: the list's length is a number of 16 bits.
const mostElements = 1000

const (
	holdInput   = "input"
	holdForward = "forward"
)

// TCP's flags (RFC 9293 section 3.1).
const (
	tcpSyn = 0x02
	tcpRst = 0x04
	tcpAck = 0x10
)

// heldSet is a set of what is held, whose elements go by themselves, and the one rule that looks up in it.
type heldSet struct {
	name  string
	of    datatype
	chain string
	// key loads what is looked up; then are the steps after that, before the packet is dropped.
	family    ipvs.Family
	key, then []expression
}

// holdSets are the sets of our table, in the order of the rules.
func holdSets() []heldSet {
	families := []ipvs.Family{ipvs.IPv4, ipvs.IPv6}
	sets := make([]heldSet, 0, 3*len(families))
	for _, family := range families {
		address, behind := typeIPv4, uint32(unix.NFT_REG32_01)
		if family == ipvs.IPv6 {
			address, behind = typeIPv6, unix.NFT_REG_2
		}
		sets = append(sets,
			heldSet{virtualSet(family), address, holdInput, family, []expression{loadDestination(family)}, neitherOpensNorResets()},
			heldSet{serverSet(family), concatenated(address, typePort), holdForward, family,
				[]expression{loadSource(family), into(behind, loadSourcePort())}, nil},
			heldSet{everyPortSet(family), address, holdForward, family, []expression{loadSource(family)}, nil})
	}
	return sets
}

func virtualSet(family ipvs.Family) string { return "virtual-" + strings.ToLower(family.String()) }

func serverSet(family ipvs.Family) string { return "real-" + strings.ToLower(family.String()) }

func everyPortSet(family ipvs.Family) string { return serverSet(family) + "-every-port" }

// elements are the elements of each set, by its name.
func (h Held) elements() (map[string][]element, error) {
	if h.Period < time.Millisecond || h.Period > MaxHold {
		return nil, fmt.Errorf("the period is not from %s to %s", time.Millisecond, MaxHold)
	}
	if h.To.IsValid() && h.Interface == "" {
		return nil, fmt.Errorf("packets are to go to %s, and no interface is named that leads there", h.To)
	}
	elements := map[string][]element{}
	for _, address := range h.Virtual {
		if !address.IsValid() {
			return nil, fmt.Errorf("a virtual IP is no address")
		}
		set := virtualSet(ipvs.FamilyOf(address))
		elements[set] = append(elements[set], element{key: string(address.AsSlice()), timeout: h.Period})
	}
	for _, server := range h.Servers {
		if !server.IsValid() {
			return nil, fmt.Errorf("a real server has no address")
		}
		set, key := everyPortSet(ipvs.FamilyOf(server.Addr())), server.Addr().AsSlice()
		if port := server.Port(); port != 0 {
			// Each part of a key fills registers of 32 bits.
			set, key = serverSet(ipvs.FamilyOf(server.Addr())), append(key, byte(port>>8), byte(port), 0, 0)
		}
		elements[set] = append(elements[set], element{key: string(key), timeout: h.Period})
	}
	for set := range elements {
		slices.SortFunc(elements[set], func(a, b element) int { return strings.Compare(a.key, b.key) })
		elements[set] = slices.Compact(elements[set])
	}
	return elements, nil
}

// ofHolds is our table of held packets.
var ofHolds = nftTable{unix.NFPROTO_INET, HoldTable}

// holdTable makes our table anew, with nothing held.
func holdTable() []*nl.NetlinkRequest {
	messages := append(ofHolds.delete(), ofHolds.add(),
		ofHolds.newChain(holdInput, nfLocalIn, behindIPVS), ofHolds.newChain(holdForward, nfForward, behindIPVS),
		ofHolds.newRule(holdInput, hasSocket()))
	for i, set := range holdSets() {
		messages = append(messages, ofHolds.newTimedSet(set.name, i+1, set.of, nil), ofHolds.newRule(set.chain, set.rule()))
	}
	return messages
}

// newTimedSet makes a set whose elements end, or a map where data is not nil. The number is for the transaction only.
func (t nftTable) newTimedSet(name string, number int, of datatype, data *datatype) *nl.NetlinkRequest {
	flags, attributes := uint32(unix.NFT_SET_TIMEOUT), []*nl.RtAttr{
		nl.NewRtAttr(unix.NFTA_SET_NAME, nl.ZeroTerminated(name)),
		nl.NewRtAttr(unix.NFTA_SET_ID, network32(uint32(number))),
		nl.NewRtAttr(unix.NFTA_SET_KEY_TYPE, network32(of.number)),
		nl.NewRtAttr(unix.NFTA_SET_KEY_LEN, network32(of.length)),
	}
	if data != nil {
		flags |= unix.NFT_SET_MAP
		attributes = append(attributes,
			nl.NewRtAttr(unix.NFTA_SET_DATA_TYPE, network32(data.number)), nl.NewRtAttr(unix.NFTA_SET_DATA_LEN, network32(data.length)))
	}
	return t.message(unix.NFT_MSG_NEWSET, unix.NLM_F_CREATE, append(attributes, nl.NewRtAttr(unix.NFTA_SET_FLAGS, network32(flags)))...)
}

// rule drops the packets that the set holds.
func (s heldSet) rule() []expression {
	steps := append([]expression{
		loadMeta(unix.NFT_META_NFPROTO), compare(unix.NFT_CMP_EQ, []byte{byte(s.family)}),
		loadMeta(unix.NFT_META_L4PROTO), compare(unix.NFT_CMP_EQ, []byte{byte(ipvs.TCP)}),
	}, s.key...)
	steps = append(append(steps, lookupIn(s.name)), s.then...)
	return append(steps, expression{name: "counter"}, drop())
}

// hasSocket lets packets pass that the kernel has found a socket of this node for (net.ipv4.tcp_early_demux, 1 by default), as of a
// connection to a real server on the director itself, which IPVS does not keep from our chain. Such a socket has an owner, and nobody
// has the number -1; without socket there is nothing to compare.
func hasSocket() []expression {
	return []expression{loadMeta(unix.NFT_META_SKUID), compare(unix.NFT_CMP_NEQ, nl.Uint32Attr(math.MaxUint32)), accept()}
}

// neitherOpensNorResets goes on with the rule if a TCP packet has RST not set, and of SYN and ACK not SYN alone.
func neitherOpensNorResets() []expression {
	return []expression{
		loadTCPFlags(), masked([]byte{tcpRst}), compare(unix.NFT_CMP_EQ, []byte{0}),
		loadTCPFlags(), masked([]byte{tcpSyn | tcpAck}), compare(unix.NFT_CMP_NEQ, []byte{tcpSyn}),
	}
}

// refreshes put elements into their sets so that each time-out begins now.
func refreshes(elements map[string][]element) []*nl.NetlinkRequest {
	sets := holdSets()
	messages := make([]*nl.NetlinkRequest, 0, len(sets))
	for _, set := range sets {
		messages = append(messages, ofHolds.refresh(set.name, elements[set.name])...)
	}
	return messages
}

// refresh puts elements into a set so that each time-out begins now. Kernels before 6.12 leave an element that exists as it is,
// and none deletes one that does not: each is added, deleted and added, which is one change to a packet.
func (t nftTable) refresh(set string, elements []element) []*nl.NetlinkRequest {
	messages := make([]*nl.NetlinkRequest, 0, 3*(len(elements)/mostElements+1))
	for chunk := range slices.Chunk(elements, mostElements) {
		attributes := elementAttributes(nl.ZeroTerminated(set), chunk)
		messages = append(messages,
			t.message(unix.NFT_MSG_NEWSETELEM, unix.NLM_F_CREATE, attributes...),
			t.message(unix.NFT_MSG_DELSETELEM, 0, attributes...),
			t.message(unix.NFT_MSG_NEWSETELEM, unix.NLM_F_CREATE, attributes...))
	}
	return messages
}
