// SPDX-License-Identifier: Apache-2.0

//go:build bench

package failover

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/checkpoint"
	"github.com/lvs-operator/lvs-operator/agent/desired"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
	"github.com/lvs-operator/lvs-operator/test/contest"
	"github.com/lvs-operator/lvs-operator/test/network"
)

// ours is the agent itself. There is no API server: it serves from its checkpoint.
func ours() *contestant {
	return &contestant{name: "ours", leaveAddresses: leaveAddresses, command: func(t *testing.T, dir string, routers []router) []string {
		command, err := contest.Agent(dir, remembered(routers))
		check(t, err)
		return command
	}}
}

// leaveAddresses adds virtual IPs with the agent's mark.
func leaveAddresses(t *testing.T, host *network.Host, routers []router) {
	t.Helper()
	var batch strings.Builder
	for _, r := range routers {
		fmt.Fprintf(&batch, "address add %s/32 dev eth0 label %s\n", r.vip, plan.Label("eth0"))
	}
	ip := host.Command(t.Context(), "ip", "-batch", "-")
	ip.Stdin = strings.NewReader(batch.String())
	if out, err := ip.CombinedOutput(); err != nil {
		t.Fatalf("on %s: ip -batch: %v: %s", host.Name(), err, out)
	}
}

// remembered is the checkpoint of a director that has run these routers before.
func remembered(routers []router) checkpoint.Change {
	owned := ipvs.Ownership{Networks: []netip.Prefix{netip.PrefixFrom(netip.MustParseAddr(vip), 32)}}
	group := desired.Group{Name: "edge", Owned: owned}
	services := map[ipvs.ServiceKey]*desired.Service{}
	for _, r := range routers {
		group.Routers = append(group.Routers, desired.Router{Interface: "eth0", Config: vrrp.Config{
			Version: vrrp.Version3, VRID: r.vrid, Priority: r.priority, Interval: r.interval, Preempt: true,
			Addresses: []netip.Addr{netip.MustParseAddr(r.vip)},
		}})
		if r.vip == vip {
			key := ipvs.ServiceKey{Address: target.Addr(), Port: port, Protocol: ipvs.TCP}
			services[key] = &desired.Service{
				ID: "web/bench/http", Group: "edge", Service: ipvs.Service{Key: key, Scheduler: "wrr"},
				Destinations: []ipvs.Destination{{Address: realServer, Port: port, Method: ipvs.DirectRoute, Weight: 1}},
			}
		}
	}
	return checkpoint.Change{Node: &checkpoint.Node{Node: desired.Node{Groups: []desired.Group{group}}, Owned: owned}, Services: services}
}
