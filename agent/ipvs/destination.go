// SPDX-License-Identifier: Apache-2.0

package ipvs

import (
	"fmt"
	"net/netip"
)

// Destination is one real server of a service: what identifies it (Address and Port), and what can be changed in place
// (IPVS_CMD_SET_DEST).
type Destination struct {
	// Address of the real server, IPv4.
	Address netip.Addr `json:"address"`
	// Port of the real server, 1 to 65535. Only Masquerade can change the port, so with the other methods it is the service's.
	Port uint16 `json:"port"`
	// Weight is the share of new connections, 0 to 65535; at 0 none come, and those that exist go on.
	Weight uint32 `json:"weight"`
	// Method is how packets reach the real server.
	Method Method `json:"method"`
	// Unknown says of a destination read from a kernel that it carries options that this type cannot say (thresholds, a
	// tunnel type, a method). It is never set on a desired one, so that such a destination is updated, which clears them.
	Unknown bool `json:"-"`
}

// Key is the destination's identity inside its service.
func (d Destination) Key() netip.AddrPort { return netip.AddrPortFrom(d.Address, d.Port) }

// Compare orders destinations by identity, as ipvsadm --sort does: by address and port.
func (d Destination) Compare(other Destination) int { return d.Key().Compare(other.Key()) }

// String is the destination's options as ipvsadm prints and reads them, for example -r 192.0.2.11:443 -g -w 3.
func (d Destination) String() string {
	options := fmt.Sprintf("-r %s %s -w %d", d.Key(), d.Method.option(), d.Weight)
	if d.Method == Tunnel {
		options += " --tun-type ipip"
	}
	return options
}
