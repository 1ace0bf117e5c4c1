// SPDX-License-Identifier: Apache-2.0

package ipvs

import "fmt"

// Timeouts are how long the kernel keeps a connection without packets, in seconds (IPVS_CMD_SET_CONFIG); 0 on a write: unchanged.
type Timeouts struct {
	// TCP is for established TCP connections; the kernel's default is 900.
	TCP uint32 `json:"tcp,omitempty"`
	// TCPFin is for TCP connections after a FIN; the kernel's default is 120.
	TCPFin uint32 `json:"tcpFin,omitempty"`
	// UDP is for UDP; the kernel's default is 300.
	UDP uint32 `json:"udp,omitempty"`
}

// String is ipvsadm's arguments, for example --set 900 120 300.
func (t Timeouts) String() string { return fmt.Sprintf("--set %d %d %d", t.TCP, t.TCPFin, t.UDP) }
