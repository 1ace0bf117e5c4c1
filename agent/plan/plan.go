// SPDX-License-Identifier: Apache-2.0

package plan

import "slices"

// Steps are the operations that bring a node to what it should be, apart from its IPVS services. The operations of those
// come between the two parts.
type Steps struct {
	Before, After []Operation
}

// Plan is the operations that bring in.Actual to what in wants, in the order in which they have to be carried out. None:
// the kernel is as it should be.
//
// This is the one place that knows the order:
//
//  1. virtual IPs of routers that are no longer Active go first: another director is waiting for them. Those with a virtual MAC
//     address fall silent before, for the kernel tells bridges of each address that goes, from the address of the link;
//  2. virtual IPs are closed before they come, and opened once they have gone; one that the node is to accept as a real server
//     is opened before it comes on lo;
//  3. a real server's ARP settings come before its virtual IPs on lo, else it answers ARP for them, and before them all the
//     director's own: the forwarding of packets, which LVS/NAT needs, and how IPVS treats connections of the dead; the interface
//     below a link with a virtual MAC address is silent on ARP for others before there is the link;
//  4. firewall marks, and the routes that bring marked packets to IPVS, come when the service of the mark is there (In.Marks
//     are of no other services), and go before it does: else the packets meet nobody;
//  5. IPVS services and destinations (Ledger) come before the virtual IPs, else the director refuses the first connections;
//     what is new comes before what goes, so that a service is never without destinations in between;
//  6. sync daemons come before the virtual IPs, so that no connection is missed, and when the services that exclude them are
//     gone; they go once the virtual IPs have, and before such services come;
//  7. virtual IPs of Active routers come when all is ready behind them, on a link that is up: down, it would lose those of IPv6;
//  8. a real server's virtual IPs leave lo, and only then the settings get back the values that were found.
func Plan(in In) Steps {
	links, daemons := diffLinks(in), diffDaemons(in)
	addresses := diffAddresses(in, links.gone)
	return Steps{
		Before: slices.Concat(
			links.release,
			addresses.releaseDirector,
			diffClosed(in),
			daemons.stop,
			raiseSettings(in),
			links.add,
			addresses.addRealServer,
			diffMarks(in),
		),
		After: slices.Concat(
			daemons.start,
			links.raise,
			addresses.addDirector,
			addresses.releaseRealServer,
			restoreSettings(in),
		),
	}
}

// All are the operations of both parts.
func (s Steps) All() []Operation { return slices.Concat(s.Before, s.After) }
