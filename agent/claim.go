// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"net/netip"
	"slices"

	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/vrrp/vrrpnet"
)

// claim is what a virtual router does in the moment in which it becomes Active. It is decided before, because a pass would read the
// node first, and may be busy with a long table.
type claim struct {
	running   VirtualRouter
	addresses []netip.Addr
	// interfaceName is that of the link with the other directors.
	interfaceName string
	// adds are empty, and nothing is announced, with a virtual MAC address: its link has to be up first, which is a pass's to see to.
	adds []*plan.AddAddress
	// servers are those of masquerading, whose answers come to the director that has the addresses: at most mostServers of them.
	servers []netip.AddrPort
	// atOnce says that the addresses are few, and the virtual routers of the link as well: they come from the router's own thread.
	atOnce bool
}

const (
	// fewAddresses are what a router's own thread may be kept from its time by, where it has few routers: with many, others of the thread
	// would wait.
	fewAddresses = 16
	// mostServers bounds the real servers whose answers are sent on while a role changes hands: they are written on the way.
	mostServers = 4096
)

// stake makes each router that runs claim its addresses when it becomes Active. It is called while all that has to be there before a
// virtual IP is there; what changes later does not keep an address back that was ready. servers are a group's masqueraded real servers.
func (rs *routers) stake(servers func(group string) []netip.AddrPort) {
	ofGroup, onLink := map[string][]netip.AddrPort{}, map[string]int{}
	for key := range rs.byKey {
		onLink[key.interfaceName]++
	}
	for _, r := range rs.byKey {
		if r.running == nil {
			continue
		}
		of, asked := ofGroup[r.key.group]
		if !asked {
			of = servers(r.key.group)
			ofGroup[r.key.group] = of
		}
		addresses := rs.offered(r)
		atOnce := onLink[r.key.interfaceName] <= vrrpnet.FewRouters && len(addresses) <= fewAddresses && !r.config.VirtualMAC
		c := r.claim.Load()
		if c != nil && c.running == r.running && slices.Equal(c.addresses, addresses) && slices.Equal(c.servers, of) && c.atOnce == atOnce {
			continue
		}
		c = &claim{running: r.running, addresses: addresses, servers: of, interfaceName: r.key.interfaceName, atOnce: atOnce}
		if !r.config.VirtualMAC {
			c.adds = plan.Takeover(r.key.interfaceName, addresses)
		}
		r.claim.Store(c)
	}
}
