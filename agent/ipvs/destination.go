// SPDX-License-Identifier: Apache-2.0

package ipvs

import (
	"fmt"
	"net/netip"
	"strings"
)

// Destination is one real server of a service: what identifies it (Address and Port), and what can be changed in place
// (IPVS_CMD_SET_DEST).
type Destination struct {
	// Address of the real server, IPv4 or IPv6. Only Tunnel can have another family than its service.
	Address netip.Addr `json:"address"`
	// Port of the real server, 1 to 65535; 0: the port that the packet went to. Only Masquerade can change the port, so with
	// the other methods it is the service's.
	Port uint16 `json:"port,omitempty"`
	// Method is how packets reach the real server.
	Method Method `json:"method"`
	// Tunnel is how they are wrapped on the way. The zero Tunnel unless the method is Tunnel.
	Tunnel Tunnel `json:"tunnel,omitzero"`
	// Weight is the share of new connections, 0 to 65535; at 0 none come, and those that exist go on.
	Weight uint32 `json:"weight"`
	// UpperThreshold is the number of connections at which no new ones come, up to 2147483647; 0: no limit.
	UpperThreshold uint32 `json:"upperThreshold,omitempty"`
	// LowerThreshold is the number of connections below which they come again; 0: three quarters of UpperThreshold.
	LowerThreshold uint32 `json:"lowerThreshold,omitempty"`
}

// Key is the destination's identity inside its service.
func (d Destination) Key() netip.AddrPort { return netip.AddrPortFrom(d.Address, d.Port) }

// Compare orders destinations by identity, as ipvsadm --sort does: by address and port.
func (d Destination) Compare(other Destination) int { return d.Key().Compare(other.Key()) }

// String is the destination's options as ipvsadm reads them, and prints them but for thresholds, for example
// -r 192.0.2.11:443 -g -w 3.
func (d Destination) String() string {
	var line strings.Builder
	fmt.Fprintf(&line, "-r %s %s -w %d", d.Key(), d.Method.option(), d.Weight)
	if d.UpperThreshold > 0 {
		fmt.Fprintf(&line, " -x %d", d.UpperThreshold)
	}
	if d.LowerThreshold > 0 {
		fmt.Fprintf(&line, " -y %d", d.LowerThreshold)
	}
	if d.Method == Tunnelling {
		line.WriteString(" " + d.Tunnel.String())
	}
	return line.String()
}
