// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/mark"
)

// firstRule lets packets of other protocols than IPVS balances pass before any rule looks at them.
func firstRule() []expression {
	balanced := isOneOf(typeProtocol, [][]byte{{byte(ipvs.TCP)}, {byte(ipvs.UDP)}, {byte(ipvs.SCTP)}})
	balanced.attributes[unix.NFTA_LOOKUP_FLAGS] = network32(unix.NFT_LOOKUP_F_INV)
	return []expression{loadMeta(unix.NFT_META_L4PROTO), balanced, accept()}
}

// encodeRule is what a valid rule does, step by step.
func encodeRule(rule mark.Rule) []expression {
	steps := []expression{loadMeta(unix.NFT_META_NFPROTO), compare(unix.NFT_CMP_EQ, []byte{byte(rule.Family)})}
	if rule.Interface != "" {
		name := make([]byte, unix.IFNAMSIZ)
		copy(name, rule.Interface)
		steps = append(steps, loadMeta(unix.NFT_META_IIFNAME), compare(unix.NFT_CMP_EQ, name))
	}
	addresses := typeIPv4
	if rule.Family == ipvs.IPv6 {
		addresses = typeIPv6
	}
	switch destinations := rule.Destinations; {
	case rule.VirtualIPs:
		steps = append(steps, loadDestination(rule.Family), isOneOf(addresses, hostKeys(destinations)))
	case destinations[0].Bits() > 0:
		steps = append(append(steps, loadDestination(rule.Family)), isInNetwork(addresses, destinations)...)
	}
	if len(rule.Sources) > 0 {
		steps = append(append(steps, loadSource(rule.Family)), isInNetwork(addresses, rule.Sources)...)
	}
	if rule.Protocol != 0 {
		steps = append(steps, loadMeta(unix.NFT_META_L4PROTO), compare(unix.NFT_CMP_EQ, []byte{byte(rule.Protocol)}))
	}
	if len(rule.Ports) > 0 {
		steps = append(steps, loadPort(), isIn(typePort, portIntervals(rule.Ports)))
	}
	if !rule.VirtualIPs {
		steps = append(steps, loadAddressType(), compare(unix.NFT_CMP_NEQ, nl.Uint32Attr(unix.RTN_LOCAL)))
	}
	return append(append(steps, setMark(rule.Mark)...), accept())
}

// decodeRule reads what encodeRule writes; false: the steps are not those of any rule of ours. It reads what it knows,
// wherever that stands, and then compares with all that encodeRule makes of it.
func decodeRule(steps []expression) (mark.Rule, bool) {
	rule := mark.Rule{VirtualIPs: !slices.ContainsFunc(steps, loadAddressType().equal)}
	for i := range max(len(steps)-1, 0) {
		load, test := steps[i], steps[i+1]
		switch {
		case load.equal(loadMeta(unix.NFT_META_NFPROTO)):
			rule.Family = ipvs.Family(number(test.operand()))
			if !rule.VirtualIPs {
				rule.Destinations = []netip.Prefix{netip.PrefixFrom(rule.Family.Unspecified(), 0)}
			}
		case load.equal(loadMeta(unix.NFT_META_IIFNAME)):
			rule.Interface = unix.ByteSliceToString(test.operand())
		case load.equal(loadDestination(rule.Family)) && rule.VirtualIPs:
			rule.Destinations = hosts(test.keys())
		case load.equal(loadDestination(rule.Family)):
			rule.Destinations = networksOf(steps[i+1:])
		case load.equal(loadSource(rule.Family)):
			rule.Sources = networksOf(steps[i+1:])
		case load.equal(loadMeta(unix.NFT_META_L4PROTO)):
			rule.Protocol = ipvs.Protocol(number(test.operand()))
		case load.equal(loadPort()):
			rule.Ports = ports(test.intervals())
		case load.name == "immediate" && test.equal(setMark(0)[1]):
			if stored := value(load.attributes[unix.NFTA_IMMEDIATE_DATA]); len(stored) == 4 {
				rule.Mark = nl.NativeEndian().Uint32(stored)
			}
		}
	}
	return rule, rule.Validate() == nil && slices.EqualFunc(steps, encodeRule(rule), expression.equal)
}

// isIn goes on with the rule if what is loaded lies in one of the intervals.
func isIn(of datatype, intervals []interval) expression {
	if only := intervals[0]; len(intervals) == 1 && string(only.first) == string(only.last) {
		return compare(unix.NFT_CMP_EQ, only.first)
	}
	return lookup(of, intervalElements(intervals))
}

// isInNetwork goes on with the rule if the address that is loaded lies in one of the networks. One network needs no set.
func isInNetwork(of datatype, networks []netip.Prefix) []expression {
	if only := networks[0]; len(networks) == 1 && !only.IsSingleIP() {
		return []expression{masked(netmask(only)), compare(unix.NFT_CMP_EQ, only.Addr().AsSlice())}
	}
	return []expression{isIn(of, networkIntervals(networks))}
}

// networksOf are what isInNetwork was given, from the steps behind the one that loads the address.
func networksOf(steps []expression) []netip.Prefix {
	if len(steps) < 2 || steps[0].name != "bitwise" {
		return networks(steps[0].intervals())
	}
	address, ok := netip.AddrFromSlice(steps[1].operand())
	if !ok {
		return nil
	}
	return []netip.Prefix{netip.PrefixFrom(address, length(value(steps[0].attributes[unix.NFTA_BITWISE_MASK])))}
}

// isOneOf goes on with the rule if what is loaded is one of the sorted values.
func isOneOf(of datatype, keys [][]byte) expression {
	if len(keys) == 1 {
		return compare(unix.NFT_CMP_EQ, keys[0])
	}
	elements := make([]element, 0, len(keys))
	for _, key := range keys {
		elements = append(elements, element{key: string(key)})
	}
	return lookup(of, elements)
}

// operand is what a comparison compares with; nil: it is none.
func (e expression) operand() []byte {
	if e.name != "cmp" {
		return nil
	}
	return value(e.attributes[unix.NFTA_CMP_DATA])
}

// keys are what isOneOf was given.
func (e expression) keys() [][]byte {
	if operand := e.operand(); operand != nil {
		return [][]byte{operand}
	}
	keys := make([][]byte, 0, len(e.elements))
	for _, one := range e.elements {
		keys = append(keys, []byte(one.key))
	}
	return keys
}

// intervals are what isIn was given.
func (e expression) intervals() []interval {
	if operand := e.operand(); operand != nil {
		return []interval{{operand, operand}}
	}
	return intervals(e.elements)
}

// number reads the one byte of a protocol or family; 0 where it is not one byte.
func number(operand []byte) byte {
	if len(operand) != 1 {
		return 0
	}
	return operand[0]
}

func portIntervals(ranges []mark.PortRange) []interval {
	intervals := make([]interval, 0, len(ranges))
	for _, r := range ranges {
		intervals = append(intervals, interval{binary.BigEndian.AppendUint16(nil, r.First), binary.BigEndian.AppendUint16(nil, r.Last)})
	}
	return intervals
}

// ports reads what portIntervals makes; nil where these are no ports.
func ports(intervals []interval) []mark.PortRange {
	ranges := make([]mark.PortRange, 0, len(intervals))
	for _, one := range intervals {
		if len(one.first) != 2 || len(one.last) != 2 {
			return nil
		}
		ranges = append(ranges, mark.PortRange{First: binary.BigEndian.Uint16(one.first), Last: binary.BigEndian.Uint16(one.last)})
	}
	return ranges
}
