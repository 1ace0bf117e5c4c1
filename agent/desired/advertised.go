// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// addressList is what a router's advertisements say of its addresses.
type addressList struct {
	// advertised are those that a packet carries, riding the router's others, and uncarried those of advertised that are not the
	// router's.
	advertised, riding, uncarried []netip.Addr
}

// pinned is the list of a router with these addresses, sorted. Without a list of its own it advertises what it carries. With one, which
// a peer such as keepalived has as well, it advertises that, whatever comes and goes: keepalived up to 2.3.2 takes an advertisement
// with another list than its own for none, and becomes Active beside the one that sent it.
func pinned(vrid uint8, addresses []netip.Addr, own []v1alpha1.IPAddress) (addressList, error) {
	if len(own) == 0 {
		return advertise(vrid, addresses), nil
	}
	sorted, err := parseAddresses(own)
	if err != nil {
		return addressList{}, fmt.Errorf("advertised addresses: %w", err)
	}
	first := addresses[0]
	if sorted[0].Is4() != first.Is4() || sorted[len(sorted)-1].Is4() != first.Is4() {
		return addressList{}, fmt.Errorf("advertised addresses %s to %s: want the family of the router's first virtual IP, %s", sorted[0], sorted[len(sorted)-1], first)
	}
	list := addressList{advertised: sorted}
	if first.Is6() {
		list.advertised = linkLocalFirst(vrid, sorted)
	}
	for _, address := range addresses {
		if !slices.Contains(list.advertised, address) {
			list.riding = append(list.riding, address)
		}
	}
	for _, address := range list.advertised {
		if !slices.Contains(addresses, address) && !address.IsLinkLocalUnicast() {
			list.uncarried = append(list.uncarried, address)
		}
	}
	return list, nil
}

// linkLocalFirst puts the first link-local address in front, one of the router's own if there is none (RFC 9568 section 5.2.9).
func linkLocalFirst(vrid uint8, addresses []netip.Addr) []netip.Addr {
	at := slices.IndexFunc(addresses, netip.Addr.IsLinkLocalUnicast)
	if at < 0 {
		return slices.Concat([]netip.Addr{vrrp.LinkLocal(vrid)}, addresses)
	}
	return slices.Concat(addresses[at:at+1], addresses[:at], addresses[at+1:])
}

// advertise divides the sorted addresses of a router into those that its advertisements carry, and those that ride along. One
// router has one family: IPv4 if there is any, else IPv6, with a link-local address of its own in front.
func advertise(vrid uint8, addresses []netip.Addr) addressList {
	first6, _ := slices.BinarySearchFunc(addresses, netip.IPv6Unspecified(), netip.Addr.Compare)
	if first6 > 0 {
		most := min(first6, vrrp.MaxAddresses(addresses[0]))
		return addressList{advertised: addresses[:most], riding: addresses[most:]}
	}
	most := min(len(addresses), vrrp.MaxAddresses(netip.IPv6Unspecified())-1)
	return addressList{advertised: slices.Concat([]netip.Addr{vrrp.LinkLocal(vrid)}, addresses[:most]), riding: addresses[most:]}
}
