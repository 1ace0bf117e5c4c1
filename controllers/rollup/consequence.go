// SPDX-License-Identifier: Apache-2.0

package rollup

import (
	"fmt"
	"slices"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// consequence is what the health of a port's real servers has led to on the director, where that keeps clients from being served as usual.
func (d *Director) consequence(service *v1alpha1.VirtualService, part string, degraded v1alpha1.DegradedService) obstacle {
	seen := fmt.Sprintf("director %s sees %d of %d real servers of %s healthy", d.Name, degraded.Healthy, degraded.RealServers, partOf(service, part))
	switch degraded.Consequence {
	case v1alpha1.ConsequenceSorryServer:
		return obstacle{v1alpha1.ReasonSorryServer, seen + ", which is no quorum, and sends new connections to the sorryServer; check the real servers"}
	case v1alpha1.ConsequenceAddressWithdrawn:
		return obstacle{v1alpha1.ReasonQuorumLost, seen + ", which is no quorum, and withdraws the virtual IP; check the real servers"}
	case v1alpha1.ConsequenceSendsToAll:
		return obstacle{v1alpha1.ReasonPanicThreshold,
			fmt.Sprintf("%s, fewer than panicThreshold %d %%, and sends connections to all of them; check the real servers, and the way to them", seen, service.Spec.PanicThreshold)}
	case v1alpha1.ConsequenceQuorumLost:
		if degraded.Healthy > 0 {
			return obstacle{v1alpha1.ReasonQuorumLost, seen + ", which is no quorum; these serve alone; check the others"}
		}
	}
	if degraded.Healthy == 0 && degraded.RealServers > 0 {
		return obstacle{v1alpha1.ReasonNoHealthyRealServer,
			fmt.Sprintf("director %s sees none of %d real servers of %s healthy; check that they listen and that the pool's healthCheck fits", d.Name, degraded.RealServers, partOf(service, part))}
	}
	return obstacle{}
}

// withdrawn is that the director does not carry an address of the service, because another service of that address has lost its quorum.
func (d *Director) withdrawn(needs Needs) obstacle {
	for _, address := range needs.Addresses {
		if slices.Contains(d.Withdrawn, address) {
			return obstacle{v1alpha1.ReasonQuorumLost, fmt.Sprintf(
				"director %s withdraws the virtual IP %s: another service of it has lost its quorum and asks for that (quorum.withdrawAddress); move one of the two to another address, or see to the other's real servers",
				d.Name, address)}
		}
	}
	return obstacle{}
}
