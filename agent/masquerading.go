// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"net/netip"
	"slices"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

func masquerades(d ipvs.Destination) bool { return d.Method == ipvs.Masquerade }

// masqueraded are a group's real servers behind NAT, those that drain too, sorted, each once: the first mostServers that come to hand.
// It asks only the services that have some.
func (a *Agent) masqueraded(group string) []netip.AddrPort {
	counted, has := a.groups[group]
	if !has {
		return nil
	}
	var servers []netip.AddrPort
	for key := range counted.masquerading {
		service := a.desired.Service(key)
		if service == nil || len(servers) >= mostServers {
			continue
		}
		for d := range service.Everyone() {
			if masquerades(d) {
				servers = append(servers, d.Key())
			}
		}
	}
	for key, d := range a.ledger.Draining() {
		if service := a.desired.Service(key); masquerades(d) && service != nil && service.Group == group {
			servers = append(servers, d.Key())
		}
	}
	slices.SortFunc(servers, netip.AddrPort.Compare)
	servers = slices.Compact(servers)
	return servers[:min(len(servers), mostServers)]
}
