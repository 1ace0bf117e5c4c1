// SPDX-License-Identifier: Apache-2.0

// Package mark says which packets get a firewall mark on a director: the rules of an nftables table of our own, as plain
// comparable values. It never talks to a kernel.
package mark

import (
	"net/netip"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// Rule gives a firewall mark to the packets that match all that it says.
type Rule struct {
	// Mark is 1 to 4294967295.
	Mark uint32 `json:"mark"`
	// Family of the packets; Destinations and Sources are of it.
	Family ipvs.Family `json:"family"`
	// Destinations that the packets go to, at least one; sorted, masked, each once.
	Destinations []netip.Prefix `json:"destinations"`
	// Sources that the packets come from; none: any. Sorted, masked, each once.
	Sources []netip.Prefix `json:"sources,omitempty"`
	// Protocol of the packets; 0: TCP, UDP and SCTP.
	Protocol ipvs.Protocol `json:"protocol,omitempty"`
	// Ports that the packets go to; none: every port. They need a Protocol. Sorted, none overlaps another.
	Ports []PortRange `json:"ports,omitempty"`
	// Interface that the packets come in on; empty: any.
	Interface string `json:"interface,omitempty"`
}

// PortRange is ports from First to Last, both included.
type PortRange struct {
	First uint16 `json:"first"`
	Last  uint16 `json:"last"`
}

// RoutingTable is the number of our routing table, which holds nothing but the local default route (rt_tables of iproute2
// knows no table by that number).
const RoutingTable = 7676

// RulePriority is the priority of our policy routing rules: before the main table's 32766, after an administrator's own.
const RulePriority = 7676
