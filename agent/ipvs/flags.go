// SPDX-License-Identifier: Apache-2.0

package ipvs

import (
	"fmt"
	"strings"
)

// Flags are a service's flags (IP_VS_SVC_F_* of linux/ip_vs.h) without the two that other fields say or that are the kernel's
// own: IP_VS_SVC_F_PERSISTENT and IP_VS_SVC_F_HASHED are never in it. A bit that is none of the constants was read from a
// kernel, and goes away with the next update.
type Flags uint32

// Flags of a service.
const (
	// OnePacket schedules each UDP packet anew (IP_VS_SVC_F_ONEPACKET).
	OnePacket Flags = 0x0004
	// Fallback is sh-fallback of sh and mh-fallback of mh: where the hash picks a real server that is overloaded or has
	// weight 0, another one is taken (IP_VS_SVC_F_SCHED1).
	Fallback Flags = 0x0008
	// HashPort is sh-port of sh and mh-port of mh: the client's port is hashed too (IP_VS_SVC_F_SCHED2).
	HashPort Flags = 0x0010
	// Scheduler3 is a flag that no scheduler of the kernel uses (IP_VS_SVC_F_SCHED3).
	Scheduler3 Flags = 0x0020
)

// schedulerFlags are the flags of the scheduler as ipvsadm names them, for example sh-fallback,sh-port; of a scheduler
// without flags, flag-1 to flag-3.
func (f Flags) schedulerFlags(scheduler string) string {
	var names []string
	for i, flag := range []Flags{Fallback, HashPort, Scheduler3} {
		switch {
		case f&flag == 0:
		case i < 2 && (scheduler == "sh" || scheduler == "mh"):
			names = append(names, scheduler+[]string{"-fallback", "-port"}[i])
		default:
			names = append(names, fmt.Sprintf("flag-%d", i+1))
		}
	}
	return strings.Join(names, ",")
}
