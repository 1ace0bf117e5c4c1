// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"fmt"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// maxAddresses is how many virtual IPs a NodeState has room for in one virtual router, all address families together. A group can
// carry as many, however many virtual routers it has: so it can go back to one. Those that a VRRP advertisement has no room for ride
// along.
const maxAddresses = 4096

// claims are the addresses, ports and marks that services have, each given once.
type claims struct {
	addresses map[v1alpha1.IPAddress]claimant
	ports     map[portClaim]*v1alpha1.VirtualService
	packets   map[endpoint]packets
	marks     map[markClaim][]claimant
	count     map[string]int // addresses a group
}

// claimant is the group that has an address or a mark, and its oldest service there.
type claimant struct {
	group   *group
	service *v1alpha1.VirtualService
}

// portClaim is what the kernel takes for the identity of a service by address.
type portClaim struct {
	address  v1alpha1.IPAddress
	port     int32
	protocol v1alpha1.Protocol
}

// markClaim is what the kernel takes for the identity of a service by firewall mark.
type markClaim struct {
	mark   int64
	family v1alpha1.AddressFamily
}

func newClaims() *claims {
	return &claims{
		addresses: map[v1alpha1.IPAddress]claimant{},
		ports:     map[portClaim]*v1alpha1.VirtualService{},
		packets:   map[endpoint]packets{},
		marks:     map[markClaim][]claimant{},
		count:     map[string]int{},
	}
}

// take gives the service its addresses and its ports or mark, all or nothing: a refused service has none.
func (c *claims) take(service offer, g *group) *Finding {
	added, refused := c.newAddresses(service, g)
	if refused == nil {
		refused = c.portsTaken(service)
	}
	if refused == nil {
		refused = c.packetsTaken(service)
	}
	if refused == nil {
		refused = c.markTaken(service, g)
	}
	if refused != nil {
		return refused
	}
	own := claimant{group: g, service: service.VirtualService}
	for _, address := range added {
		c.addresses[address] = own
	}
	c.count[g.Name] += len(added)
	for _, claim := range portClaims(service) {
		c.ports[claim] = service.VirtualService
	}
	c.addPackets(service)
	if claim, byMark := markOf(service); byMark {
		c.marks[claim] = append(c.marks[claim], own)
	}
	return nil
}

// newAddresses are those of the service that its group has not yet.
func (c *claims) newAddresses(service offer, g *group) ([]v1alpha1.IPAddress, *Finding) {
	var added []v1alpha1.IPAddress
	for _, address := range service.carried {
		has, taken := c.addresses[address]
		if taken && has.group.Name != g.Name {
			return nil, conflict(fmt.Sprintf("%s belongs to DirectorGroup %s by VirtualService %s, which is older; use another address, or move this service to that group",
				address, has.group.Name, fullName(has.service)))
		}
		if !taken {
			added = append(added, address)
		}
	}
	if has := c.count[g.Name]; len(added) > 0 && has+len(added) > maxAddresses {
		return nil, conflict(fmt.Sprintf("DirectorGroup %s carries %d addresses and this service needs %d more, but a group can carry %d; use another group",
			g.Name, has, len(added), maxAddresses))
	}
	return added, nil
}

func (c *claims) portsTaken(service offer) *Finding {
	for _, claim := range portClaims(service) {
		if older, taken := c.ports[claim]; taken {
			return conflict(fmt.Sprintf("%s:%d/%s belongs to VirtualService %s, which is older; use another address or port, or delete one of the two",
				claim.address, claim.port, claim.protocol, fullName(older)))
		}
	}
	return nil
}

// markTaken finds an older service with the mark in the group itself, or in one that has a director in common with it: a
// mark means something on one node only.
func (c *claims) markTaken(service offer, g *group) *Finding {
	claim, byMark := markOf(service)
	if !byMark {
		return nil
	}
	for _, older := range c.marks[claim] {
		if _, shared := sharedDirector(g, older.group); shared || older.group.Name == g.Name {
			return conflict(fmt.Sprintf("mark %d for %s belongs to VirtualService %s in DirectorGroup %s, which is older; use another mark, or delete one of the two",
				claim.mark, claim.family, fullName(older.service), older.group.Name))
		}
	}
	return nil
}

func portClaims(service offer) []portClaim {
	if service.Spec.FirewallMark != nil {
		return nil
	}
	wanted := make([]portClaim, 0, len(service.Spec.Ports))
	for _, port := range service.Spec.Ports {
		wanted = append(wanted, portClaim{service.Spec.Address, port.Port, protocolOf(port)})
	}
	return wanted
}

func markOf(service offer) (claim markClaim, byMark bool) {
	if service.Spec.FirewallMark == nil {
		return markClaim{}, false
	}
	return markClaim{service.Spec.FirewallMark.Mark, familyOf(service.VirtualService)}, true
}

func conflict(message string) *Finding {
	return &Finding{Condition: v1alpha1.ConditionAccepted, Reason: v1alpha1.ReasonConflict, Message: message}
}

func fullName(service *v1alpha1.VirtualService) string { return service.Namespace + "/" + service.Name }
