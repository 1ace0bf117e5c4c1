// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"fmt"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// maxAddresses is how many virtual IPs a VRRP advertisement has room for (RFC 9568 section 5.2.5, an 8-bit count), so also
// a group with its one virtual router.
const maxAddresses = 255

// claims are the addresses and ports that services have, each given once.
type claims struct {
	addresses map[v1alpha1.IPAddress]claimant
	ports     map[portClaim]*v1alpha1.VirtualService
	count     map[string]int // addresses a group
}

// claimant is the group that has an address, and its oldest service there.
type claimant struct {
	group   string
	service *v1alpha1.VirtualService
}

// portClaim is what the kernel takes for the identity of a service.
type portClaim struct {
	address  v1alpha1.IPAddress
	port     int32
	protocol v1alpha1.Protocol
}

func newClaims() *claims {
	return &claims{
		addresses: map[v1alpha1.IPAddress]claimant{},
		ports:     map[portClaim]*v1alpha1.VirtualService{},
		count:     map[string]int{},
	}
}

// take gives the service its address and ports, all or nothing: a refused service has none.
func (c *claims) take(service *v1alpha1.VirtualService) *Finding {
	address := service.Spec.Address
	has, taken := c.addresses[address]
	if taken && has.group != service.Spec.DirectorGroup {
		return conflict(fmt.Sprintf("%s belongs to DirectorGroup %s by VirtualService %s, which is older; use another address, or move this service to that group",
			address, has.group, fullName(has.service)))
	}
	if !taken && c.count[service.Spec.DirectorGroup] >= maxAddresses {
		return conflict(fmt.Sprintf("DirectorGroup %s already carries %d addresses, the most that a group can; use another group",
			service.Spec.DirectorGroup, maxAddresses))
	}
	wanted := portClaims(service)
	for _, claim := range wanted {
		if older, taken := c.ports[claim]; taken {
			return conflict(fmt.Sprintf("%s:%d/%s belongs to VirtualService %s, which is older; use another address or port, or delete one of the two",
				claim.address, claim.port, claim.protocol, fullName(older)))
		}
	}
	if !taken {
		c.addresses[address] = claimant{group: service.Spec.DirectorGroup, service: service}
		c.count[service.Spec.DirectorGroup]++
	}
	for _, claim := range wanted {
		c.ports[claim] = service
	}
	return nil
}

func portClaims(service *v1alpha1.VirtualService) []portClaim {
	wanted := make([]portClaim, 0, len(service.Spec.Ports))
	for _, port := range service.Spec.Ports {
		wanted = append(wanted, portClaim{service.Spec.Address, port.Port, protocolOf(port)})
	}
	return wanted
}

func conflict(message string) *Finding {
	return &Finding{Condition: v1alpha1.ConditionAccepted, Reason: v1alpha1.ReasonConflict, Message: message}
}

func fullName(service *v1alpha1.VirtualService) string { return service.Namespace + "/" + service.Name }
