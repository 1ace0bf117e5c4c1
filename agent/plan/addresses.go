// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"github.com/lvs-operator/lvs-operator/agent/realserver"
)

// addressChanges are the address operations by their place in the plan, each list sorted.
type addressChanges struct {
	releaseDirector, addRealServer, addDirector, releaseRealServer []Operation
}

// place is where an address is: its identity in the kernel.
type place struct {
	link   string
	prefix netip.Prefix
}

// diffAddresses compares the addresses that are ours with those that are wanted. An address of somebody else's is never
// deleted; one that we want on the same interface serves as it is, whatever its prefix length. The addresses of links that are gone
// went with them.
func diffAddresses(in In, gone map[string]bool) addressChanges {
	wanted := wantedPlaces(in)
	missing, surplus := maps.Clone(wanted), map[place]bool{}
	for _, address := range in.Actual.Addresses {
		if gone[address.Interface] {
			continue
		}
		at := place{address.Interface, address.Prefix}
		switch {
		case !address.Ours:
			delete(missing, place{address.Interface, host(address.Prefix.Addr())})
		case wanted[at]:
			delete(missing, at)
		default:
			surplus[at] = true
		}
	}
	var changes addressChanges
	for _, at := range sorted(surplus) {
		operation := &DeleteAddress{at.link, at.prefix}
		if at.link == realserver.Interface {
			changes.releaseRealServer = append(changes.releaseRealServer, operation)
		} else {
			changes.releaseDirector = append(changes.releaseDirector, operation)
		}
	}
	for _, at := range sorted(missing) {
		operation := &AddAddress{at.link, at.prefix}
		if at.link == realserver.Interface {
			changes.addRealServer = append(changes.addRealServer, operation)
		} else {
			changes.addDirector = append(changes.addDirector, operation)
		}
	}
	return changes
}

// wantedPlaces are the addresses of both roles. None is wanted on a link of somebody else's.
func wantedPlaces(in In) map[place]bool {
	wanted, others := map[place]bool{}, foreign(in)
	for _, address := range in.DirectorAddresses {
		if others[address.Interface] {
			continue
		}
		wanted[place{address.Interface, host(address.Address)}] = true
	}
	for _, prefix := range realserver.For(in.RealServerAddresses).Addresses {
		wanted[place{realserver.Interface, prefix}] = true
	}
	return wanted
}

// Takeover are the operations that bring a virtual router's addresses, for the moment in which it becomes Active: in their order,
// and no others are needed then.
func Takeover(interfaceName string, addresses []netip.Addr) []*AddAddress {
	adds := make([]*AddAddress, 0, len(addresses))
	for _, address := range addresses {
		adds = append(adds, &AddAddress{interfaceName, host(address)})
	}
	return adds
}

// host is the address alone, as a /32.
func host(address netip.Addr) netip.Prefix { return netip.PrefixFrom(address, address.BitLen()) }

// sorted lists places by interface, address and prefix length.
func sorted(places map[place]bool) []place {
	list := make([]place, 0, len(places))
	for at := range places {
		list = append(list, at)
	}
	slices.SortFunc(list, func(a, b place) int {
		return cmp.Or(
			cmp.Compare(a.link, b.link),
			a.prefix.Addr().Compare(b.prefix.Addr()),
			cmp.Compare(a.prefix.Bits(), b.prefix.Bits()),
		)
	})
	return list
}
