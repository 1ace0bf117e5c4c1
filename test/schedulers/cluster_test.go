// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package schedulers

import (
	"net/netip"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/mark"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// clusterMark is the firewall mark of packets to sites.
const clusterMark = 80

// sites are the addresses that the caches answer for. None of them is the director's.
var sites = netip.MustParsePrefix("198.51.100.64/26")

// site is one of 62.
func site(number int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(64 + number)}), servicePort)
}

// cluster is a transparent cache cluster: the director takes what clients send to any site and hands it to a cache.
func cluster(t *testing.T, scheduler string) ipvs.Service {
	t.Helper()
	toSites := mark.Rule{
		Mark: clusterMark, Family: ipvs.IPv4, Destinations: []netip.Prefix{sites}, Protocol: ipvs.TCP,
		Ports: []mark.PortRange{{First: servicePort, Last: servicePort}},
	}
	t.Cleanup(func() {
		apply(t, &plan.SetMarks{}, &plan.DeleteRule{Mark: clusterMark, Family: ipvs.IPv4}, &plan.DeleteRoute{Family: ipvs.IPv4})
	})
	apply(t, &plan.AddRoute{Family: ipvs.IPv4}, &plan.AddRule{Mark: clusterMark, Family: ipvs.IPv4}, &plan.SetMarks{Rules: []mark.Rule{toSites}})
	return ipvs.Service{Key: ipvs.MarkKey(clusterMark, ipvs.IPv4), Scheduler: scheduler}
}

// cache is a real server of the cluster, on every port.
func cache(number int, weight uint32) ipvs.Destination {
	d := to(number, weight)
	d.Port = 0
	return d
}

// caches are the real servers 1 to n.
func caches(n int, weight uint32) []ipvs.Destination {
	caches := make([]ipvs.Destination, 0, n)
	for number := 1; number <= n; number++ {
		caches = append(caches, cache(number, weight))
	}
	return caches
}
