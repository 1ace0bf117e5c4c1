// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"encoding/binary"

	"golang.org/x/net/bpf"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// filter lets only this virtual router's multicast packets wake the thread, however many share the link. It sees what
// the raw socket reads: the IPv4 header first.
func filter(vrid uint8) []bpf.Instruction {
	const (
		offDestination = 16
		offVRID        = 1 // behind the header
	)
	group := vrrp.Group().As4()
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: offDestination, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: binary.BigEndian.Uint32(group[:]), SkipTrue: 4},
		bpf.LoadMemShift{Off: 0},
		bpf.LoadIndirect{Off: offVRID, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(vrid), SkipTrue: 1},
		bpf.RetConstant{Val: maxPacket},
		bpf.RetConstant{Val: 0},
	}
}
