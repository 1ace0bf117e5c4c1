// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/net/bpf"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// filter4 keeps from waking the thread whatever else of protocol 112 goes to another multicast group, or to everybody: what remains
// is to the group or to one of this node's addresses. Whose an advertisement is the thread finds out: those of others tell which
// ids are in use on the link, and bad ones are counted. IPv6 needs no filter, for IPV6_MULTICAST_ALL does the same.
func filter4() []bpf.Instruction {
	const (
		offDestination = 16
		multicast      = 0xe0000000 // the first address of 224.0.0.0/3
	)
	group := vrrp.Group(netip.IPv4Unspecified()).As4()
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: offDestination, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: binary.BigEndian.Uint32(group[:]), SkipTrue: 1},
		bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: multicast, SkipTrue: 1},
		bpf.RetConstant{Val: maxPacket},
		bpf.RetConstant{Val: 0},
	}
}
