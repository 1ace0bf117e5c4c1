// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"fmt"
	"slices"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// The kernel looks for a service by firewall mark first. A mark that matches a virtual IP would take the packets of a service
// that has the address and port, so neither kind is accepted beside an older one of the other.

// endpoint is a protocol at a virtual IP.
type endpoint struct {
	address  v1alpha1.IPAddress
	protocol v1alpha1.Protocol
}

// packets are the ports of one endpoint that services have, the oldest service first.
type packets struct {
	byAddress, byMark []holding
}

// holding is ports of an endpoint that a service has.
type holding struct {
	endpoint
	ports   v1alpha1.CompiledPortRange
	service *v1alpha1.VirtualService
}

// String is written like a port, for example 192.0.2.10:80/TCP; port 0 is every port, as in the kernel.
func (h holding) String() string {
	if h.ports.First == h.ports.Last || h.ports == everyPort {
		return fmt.Sprintf("%s:%d/%s", h.address, h.ports.First, h.protocol)
	}
	return fmt.Sprintf("%s:%d-%d/%s", h.address, h.ports.First, h.ports.Last, h.protocol)
}

// everyPort is what port 0 of a service, and a match without ports, stand for.
var everyPort = v1alpha1.CompiledPortRange{First: 0, Last: 65535}

// addPackets remembers what the service has.
func (c *claims) addPackets(service offer) {
	for _, own := range holdings(service) {
		held := c.packets[own.endpoint]
		if service.Spec.FirewallMark != nil {
			held.byMark = append(held.byMark, own)
		} else {
			held.byAddress = append(held.byAddress, own)
		}
		c.packets[own.endpoint] = held
	}
}

// packetsTaken finds an older service whose packets this one would take, or that would take this one's. Services by mark of
// one namespace may overlap: a packet of both gets the smaller mark, as their owner was told.
func (c *claims) packetsTaken(service offer) *Finding {
	byMark := service.Spec.FirewallMark != nil
	for _, own := range holdings(service) {
		held := c.packets[own.endpoint]
		for _, older := range held.byMark {
			if own.overlaps(older) && (!byMark || older.service.Namespace != service.Namespace) {
				return conflict(fmt.Sprintf("%s belongs to VirtualService %s, which is older and has mark %d for %s; use another address or port, or delete one of the two",
					own, fullName(older.service), older.service.Spec.FirewallMark.Mark, older))
			}
		}
		if !byMark {
			continue
		}
		for _, older := range held.byAddress {
			if own.overlaps(older) {
				return conflict(fmt.Sprintf("%s belongs to VirtualService %s, which is older, and a mark would take its packets; match other addresses or ports, or delete one of the two",
					older, fullName(older.service)))
			}
		}
	}
	return nil
}

func (h holding) overlaps(other holding) bool {
	return h.ports.First <= other.ports.Last && other.ports.First <= h.ports.Last
}

// holdings are what the service wants of the virtual IPs. What a mark matches beside them is nobody's.
func holdings(service offer) []holding {
	if mark := service.Spec.FirewallMark; mark != nil {
		wanted := make([]holding, 0, len(mark.Match))
		for _, match := range mark.Match {
			wanted = append(wanted, matchHoldings(service, match)...)
		}
		return wanted
	}
	wanted := make([]holding, 0, len(service.Spec.Ports))
	for _, claim := range portClaims(service) {
		ports := v1alpha1.CompiledPortRange{First: claim.port, Last: claim.port}
		if claim.port == 0 {
			ports = everyPort
		}
		wanted = append(wanted, holding{endpoint{claim.address, claim.protocol}, ports, service.VirtualService})
	}
	return wanted
}

func matchHoldings(service offer, match v1alpha1.Match) []holding {
	protocols := []v1alpha1.Protocol{match.Protocol}
	if match.Protocol == "" {
		protocols = []v1alpha1.Protocol{v1alpha1.ProtocolTCP, v1alpha1.ProtocolUDP, v1alpha1.ProtocolSCTP}
	}
	ranges := joinedPorts(match.Ports)
	if len(ranges) == 0 {
		ranges = []v1alpha1.CompiledPortRange{everyPort}
	}
	var wanted []holding
	for _, cidr := range match.Addresses {
		address, single := singleAddress(cidr)
		if !single || !slices.Contains(service.accepted, address) {
			continue
		}
		for _, protocol := range protocols {
			for _, ports := range ranges {
				wanted = append(wanted, holding{endpoint{address, protocol}, ports, service.VirtualService})
			}
		}
	}
	return wanted
}
