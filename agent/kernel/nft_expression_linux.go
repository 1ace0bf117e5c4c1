// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"bytes"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// expression is one step of a rule (enum nft_list_attributes): it loads a value, compares it, or acts.
type expression struct {
	// name as the kernel has it: meta, payload, bitwise, cmp, lookup, fib or immediate in our rules.
	name string
	// attributes are the expression's own, without the name of the set of a lookup, which the kernel chooses.
	attributes attributes
	// set is the name of the set of a lookup, where it was read.
	set []byte
	// elements are what the set holds.
	elements []element
	// of is what kind of value the set holds.
	of datatype
}

// datatype is how nft calls the values of a set (enum datatypes of nftables), and how many bytes one has.
type datatype struct{ number, length uint32 }

var (
	typeIPv4     = datatype{7, 4}
	typeIPv6     = datatype{8, 16}
	typeProtocol = datatype{12, 1}
	typePort     = datatype{13, 2}
)

// concatenated is the type of a value of two parts, each in registers of 32 bits (concat_subtype_add of nftables).
func concatenated(first, second datatype) datatype {
	padded := func(length uint32) uint32 { return (length + 3) &^ 3 }
	return datatype{first.number<<6 | second.number, padded(first.length) + padded(second.length)}
}

// equal says that two expressions do the same. The kernel lists attributes that are zero, and we leave them out.
func (e expression) equal(other expression) bool {
	for _, kinds := range []attributes{e.attributes, other.attributes} {
		for kind := range kinds {
			a, b := e.attributes[kind], other.attributes[kind]
			if !bytes.Equal(a, b) && (!isZero(a) || !isZero(b)) {
				return false
			}
		}
	}
	return e.name == other.name && slices.Equal(e.elements, other.elements)
}

func isZero(value []byte) bool { return len(bytes.Trim(value, "\x00")) == 0 }

// loadMeta loads what the kernel knows of a packet besides its bytes (enum nft_meta_keys).
func loadMeta(key uint32) expression {
	return expression{name: "meta", attributes: attributes{
		unix.NFTA_META_DREG: network32(unix.NFT_REG_1), unix.NFTA_META_KEY: network32(key),
	}}
}

// loadPayload loads bytes of a header.
func loadPayload(base, offset, length uint32) expression {
	return expression{name: "payload", attributes: attributes{
		unix.NFTA_PAYLOAD_DREG: network32(unix.NFT_REG_1), unix.NFTA_PAYLOAD_BASE: network32(base),
		unix.NFTA_PAYLOAD_OFFSET: network32(offset), unix.NFTA_PAYLOAD_LEN: network32(length),
	}}
}

// loadDestination and loadSource load an address of a packet (RFC 791 section 3.1, RFC 8200 section 3).
func loadDestination(family ipvs.Family) expression {
	if family == ipvs.IPv4 {
		return loadPayload(unix.NFT_PAYLOAD_NETWORK_HEADER, 16, 4)
	}
	return loadPayload(unix.NFT_PAYLOAD_NETWORK_HEADER, 24, 16)
}

func loadSource(family ipvs.Family) expression {
	if family == ipvs.IPv4 {
		return loadPayload(unix.NFT_PAYLOAD_NETWORK_HEADER, 12, 4)
	}
	return loadPayload(unix.NFT_PAYLOAD_NETWORK_HEADER, 8, 16)
}

// loadPort loads the destination port, which TCP, UDP and SCTP have in one place.
func loadPort() expression { return loadPayload(unix.NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2) }

// loadSourcePort loads the source port.
func loadSourcePort() expression { return loadPayload(unix.NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2) }

// loadTCPFlags loads the eight flags of a TCP header (RFC 9293 section 3.1).
func loadTCPFlags() expression { return loadPayload(unix.NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1) }

// into makes what loads bytes of a header load them into another register (enum nft_registers).
func into(register uint32, load expression) expression {
	load.attributes[unix.NFTA_PAYLOAD_DREG] = network32(register)
	return load
}

// loadAddressType loads what this node takes the destination for: RTN_LOCAL if it is its own.
func loadAddressType() expression {
	return expression{name: "fib", attributes: attributes{
		unix.NFTA_FIB_DREG:   network32(unix.NFT_REG_1),
		unix.NFTA_FIB_RESULT: network32(unix.NFT_FIB_RESULT_ADDRTYPE),
		unix.NFTA_FIB_FLAGS:  network32(unix.NFTA_FIB_F_DADDR),
	}}
}

// compare goes on with the rule if what is loaded compares with the value so (enum nft_cmp_ops).
func compare(operator uint32, value []byte) expression {
	return expression{name: "cmp", attributes: attributes{
		unix.NFTA_CMP_SREG: network32(unix.NFT_REG_1), unix.NFTA_CMP_OP: network32(operator), unix.NFTA_CMP_DATA: dataValue(value),
	}}
}

// masked keeps of what is loaded the bits of a mask.
func masked(mask []byte) expression {
	return expression{name: "bitwise", attributes: attributes{
		unix.NFTA_BITWISE_SREG: network32(unix.NFT_REG_1), unix.NFTA_BITWISE_DREG: network32(unix.NFT_REG_1),
		unix.NFTA_BITWISE_LEN: network32(uint32(len(mask))), unix.NFTA_BITWISE_MASK: dataValue(mask),
		unix.NFTA_BITWISE_XOR: dataValue(make([]byte, len(mask))),
	}}
}

// lookup goes on with the rule if a set holds what is loaded.
func lookup(of datatype, elements []element) expression {
	return expression{
		name: "lookup", attributes: attributes{unix.NFTA_LOOKUP_SREG: network32(unix.NFT_REG_1)}, elements: elements, of: of,
	}
}

// lookupIn goes on with the rule if a set with a name holds what is loaded.
func lookupIn(set string) expression {
	return expression{name: "lookup", attributes: attributes{
		unix.NFTA_LOOKUP_SREG: network32(unix.NFT_REG_1), unix.NFTA_LOOKUP_SET: nl.ZeroTerminated(set),
	}}
}

// setMark gives the packet its mark. Registers hold it in the byte order of the machine.
func setMark(value uint32) []expression {
	return []expression{
		immediate(unix.NFT_REG_1, dataValue(nl.Uint32Attr(value))),
		{name: "meta", attributes: attributes{
			unix.NFTA_META_SREG: network32(unix.NFT_REG_1), unix.NFTA_META_KEY: network32(unix.NFT_META_MARK),
		}},
	}
}

// accept and drop end our chain for the packet.
func accept() expression { return verdict(nfAccept) }

func drop() expression { return verdict(nfDrop) }

func verdict(code uint32) expression {
	data := nl.NewRtAttr(unix.NFTA_DATA_VERDICT, nil)
	data.AddRtAttr(unix.NFTA_VERDICT_CODE, network32(code))
	return immediate(unix.NFT_REG_VERDICT, data.Serialize())
}

func immediate(register uint32, data []byte) expression {
	return expression{name: "immediate", attributes: attributes{
		unix.NFTA_IMMEDIATE_DREG: network32(register), unix.NFTA_IMMEDIATE_DATA: data,
	}}
}

// dataValue is a value as attributes carry it.
func dataValue(value []byte) []byte { return nl.NewRtAttr(unix.NFTA_DATA_VALUE, value).Serialize() }

// value is what dataValue wrote; nil: it is none.
func value(data []byte) []byte {
	a, err := decodeAttributes(data)
	if err != nil {
		return nil
	}
	return a[unix.NFTA_DATA_VALUE]
}

// decodeSteps reads the expressions of one rule, without what their sets hold.
func decodeSteps(message []byte) ([]expression, error) {
	listed, err := list(message)
	if err != nil {
		return nil, err
	}
	steps := make([]expression, 0, len(listed))
	for _, one := range listed {
		outer, err := decodeAttributes(one)
		if err != nil {
			return nil, err
		}
		inner, err := decodeAttributes(outer[unix.NFTA_EXPR_DATA])
		if err != nil {
			return nil, err
		}
		step := expression{name: outer.text(unix.NFTA_EXPR_NAME), attributes: inner}
		if step.name == "lookup" {
			step.set = inner[unix.NFTA_LOOKUP_SET]
			delete(inner, unix.NFTA_LOOKUP_SET)
		}
		steps = append(steps, step)
	}
	return steps, nil
}
