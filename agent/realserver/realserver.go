// SPDX-License-Identifier: Apache-2.0

// Package realserver says what the node of a real server needs for direct routing and tunnelling: the virtual IPs on lo, and
// the ARP settings (net.ipv4.conf.*.arp_ignore and arp_announce, Documentation/networking/ip-sysctl.rst) that keep it from
// claiming them on the link. It never changes a node.
package realserver

import (
	"net/netip"
	"slices"
)

// Interface is the loopback interface, which carries the virtual IPs of a real server.
const Interface = "lo"

// Sysctl is one kernel setting and the value that it needs.
type Sysctl struct {
	// Name in dotted form, for example net.ipv4.conf.all.arp_ignore.
	Name string
	// Value in decimal.
	Value string
}

// Setup is what one node needs. The zero Setup is that of a node that is no real server.
type Setup struct {
	// Addresses of Interface, sorted: each virtual IP as a /32, so that no route to a network comes with it.
	Addresses []netip.Prefix
	// Sysctls in the order in which they are written: all of them before the first address, else the node answers ARP for
	// it.
	Sysctls []Sysctl
}

// For is the setup of a node that accepts packets for the virtual IPs, which may repeat and come in any order. Without any
// it is the zero Setup.
func For(virtualIPs []netip.Addr) Setup {
	if len(virtualIPs) == 0 {
		return Setup{}
	}
	var setup Setup
	sorted := slices.SortedFunc(slices.Values(virtualIPs), netip.Addr.Compare)
	for _, address := range slices.Compact(sorted) {
		setup.Addresses = append(setup.Addresses, netip.PrefixFrom(address, address.BitLen()))
	}
	setup.Sysctls = Sysctls()
	return setup
}

// Sysctls are the settings of every real server, with the LVS guide's values on lo and, because the kernel takes the
// greater of all's and the interface's, on all:
//
//	arp_ignore=1    answer ARP only for addresses of the interface that the request came in on, so never for those on lo
//	arp_announce=2  ask by ARP with an address of the outgoing interface, so never with a virtual IP
func Sysctls() []Sysctl {
	return []Sysctl{
		{Name: "net.ipv4.conf.lo.arp_ignore", Value: "1"},
		{Name: "net.ipv4.conf.lo.arp_announce", Value: "2"},
		{Name: "net.ipv4.conf.all.arp_ignore", Value: "1"},
		{Name: "net.ipv4.conf.all.arp_announce", Value: "2"},
	}
}
