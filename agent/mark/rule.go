// SPDX-License-Identifier: Apache-2.0

package mark

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// maxInterface is the longest name of an interface: IFNAMSIZ of linux/if.h without the closing zero.
const maxInterface = 15

// Rule gives a firewall mark to the packets that match all that it says. Of several rules that match a packet the first
// gives the mark. A rule leaves packets to this node's own addresses alone, so that neither one for 0.0.0.0/0 nor one for an
// address of the node locks anybody out; only a rule for VirtualIPs does not.
type Rule struct {
	// Mark is 1 to 4294967295.
	Mark uint32 `json:"mark"`
	// Family of the packets; Destinations and Sources are of it.
	Family ipvs.Family `json:"family"`
	// Destinations that the packets go to, at least one.
	Destinations []netip.Prefix `json:"destinations"`
	// VirtualIPs says that the destinations are virtual IPs, which are addresses of this node while it is Active: all of them
	// single addresses.
	VirtualIPs bool `json:"virtualIPs,omitempty"`
	// Sources that the packets come from; none: any.
	Sources []netip.Prefix `json:"sources,omitempty"`
	// Protocol of the packets; 0: TCP, UDP and SCTP.
	Protocol ipvs.Protocol `json:"protocol,omitempty"`
	// Ports that the packets go to; none: every port. They need a Protocol.
	Ports []PortRange `json:"ports,omitempty"`
	// Interface that the packets come in on, 1 to 15 bytes; empty: any.
	Interface string `json:"interface,omitempty"`
}

// PortRange is ports from First to Last, both included.
type PortRange struct {
	First uint16 `json:"first"`
	Last  uint16 `json:"last"`
}

// Compare orders rules by mark, family, destinations, and then all else.
func (r Rule) Compare(other Rule) int {
	return cmp.Or(
		cmp.Compare(r.Mark, other.Mark),
		cmp.Compare(r.Family, other.Family),
		slices.CompareFunc(r.Destinations, other.Destinations, netip.Prefix.Compare),
		slices.CompareFunc(r.Sources, other.Sources, netip.Prefix.Compare),
		cmp.Compare(r.Protocol, other.Protocol),
		slices.CompareFunc(r.Ports, other.Ports, PortRange.compare),
		strings.Compare(r.Interface, other.Interface),
		compareBool(r.VirtualIPs, other.VirtualIPs),
	)
}

// compareBool orders false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}

// Equal says that the rules are the same, value by value. Rules in canonical form are equal if they say the same.
func (r Rule) Equal(other Rule) bool { return r.Compare(other) == 0 }

func (p PortRange) compare(other PortRange) int {
	return cmp.Or(cmp.Compare(p.First, other.First), cmp.Compare(p.Last, other.Last))
}

// Validate says what keeps the rule from being written to a kernel; nil: nothing. A rule must be in canonical form.
func (r Rule) Validate() error {
	switch {
	case r.Mark == 0:
		return errors.New("firewall mark 0 is no mark; choose 1 to 4294967295")
	case r.Family != ipvs.IPv4 && r.Family != ipvs.IPv6:
		return fmt.Errorf("firewall mark %d: %s; must be IPv4 or IPv6", r.Mark, r.Family)
	case len(r.Destinations) == 0:
		return fmt.Errorf("firewall mark %d: no destination", r.Mark)
	case r.Protocol != 0 && r.Protocol != ipvs.TCP && r.Protocol != ipvs.UDP && r.Protocol != ipvs.SCTP:
		return fmt.Errorf("firewall mark %d: %s; must be TCP, UDP or SCTP", r.Mark, r.Protocol)
	case r.Protocol == 0 && len(r.Ports) > 0:
		return fmt.Errorf("firewall mark %d: ports without a protocol", r.Mark)
	case len(r.Interface) > maxInterface || strings.ContainsRune(r.Interface, 0):
		return fmt.Errorf("firewall mark %d: %q is no name of an interface", r.Mark, r.Interface)
	}
	for _, network := range slices.Concat(r.Destinations, r.Sources) {
		if !network.IsValid() || ipvs.FamilyOf(network.Addr()) != r.Family {
			return fmt.Errorf("firewall mark %d: %s is no network of %s", r.Mark, network, r.Family)
		}
	}
	for _, destination := range r.Destinations {
		if r.VirtualIPs && !destination.IsSingleIP() {
			return fmt.Errorf("firewall mark %d: %s is no virtual IP; must be a single address", r.Mark, destination)
		}
	}
	for _, ports := range r.Ports {
		if ports.First > ports.Last {
			return fmt.Errorf("firewall mark %d: ports %s end before they begin", r.Mark, ports)
		}
	}
	if canonical := Canonical([]Rule{r}); len(canonical) != 1 || !canonical[0].Equal(r) {
		return fmt.Errorf("firewall mark %d: the rule is not in canonical form", r.Mark)
	}
	return nil
}
