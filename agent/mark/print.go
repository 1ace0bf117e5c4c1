// SPDX-License-Identifier: Apache-2.0

package mark

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// String is the rule as `nft list table inet lvs-operator` prints it, with protocols by number. That it is for TCP, UDP and
// SCTP only is said once, by the first rule of the chain.
func (r Rule) String() string {
	var parts []string
	if r.Interface != "" {
		parts = append(parts, fmt.Sprintf("iifname %q", r.Interface))
	}
	if len(r.Destinations) == 1 && r.Destinations[0].Bits() == 0 {
		if len(r.Sources) == 0 {
			parts = append([]string{"meta nfproto " + strings.ToLower(r.Family.String())}, parts...)
		}
	} else {
		parts = append(parts, r.address("daddr", r.Destinations))
	}
	if len(r.Sources) > 0 {
		parts = append(parts, r.address("saddr", r.Sources))
	}
	switch {
	case len(r.Ports) > 0:
		parts = append(parts, strings.ToLower(r.Protocol.String())+" dport "+set(r.Ports, PortRange.String))
	case r.Protocol != 0:
		parts = append(parts, fmt.Sprintf("meta l4proto %d", r.Protocol))
	}
	if !r.VirtualIPs {
		parts = append(parts, "fib daddr type != local")
	}
	parts = append(parts, fmt.Sprintf("meta mark set 0x%08x accept", r.Mark))
	return strings.Join(parts, " ")
}

func (r Rule) address(direction string, networks []netip.Prefix) string {
	protocol := "ip"
	if r.Family == ipvs.IPv6 {
		protocol = "ip6"
	}
	return protocol + " " + direction + " " + set(networks, func(p netip.Prefix) string {
		if p.IsSingleIP() {
			return p.Addr().String()
		}
		return p.String()
	})
}

// String is a port, or two with a hyphen.
func (p PortRange) String() string {
	if p.First == p.Last {
		return strconv.Itoa(int(p.First))
	}
	return fmt.Sprintf("%d-%d", p.First, p.Last)
}

// set prints one value as it is, and more, or one that is a range of ports, in braces.
func set[T any](values []T, text func(T) string) string {
	texts := make([]string, 0, len(values))
	for _, value := range values {
		texts = append(texts, text(value))
	}
	if list := strings.Join(texts, ", "); len(values) != 1 || strings.Contains(list, "-") {
		return "{ " + list + " }"
	}
	return texts[0]
}
