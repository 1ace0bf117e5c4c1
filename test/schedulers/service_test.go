// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package schedulers

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// patience bounds every wait for something that takes a moment.
const patience = 10 * time.Second

// used counts the virtual IPs that were given out: connections of one test are unknown to the next.
var used atomic.Int32

// virtualIP is one of 62 of IPv4 that no test had before.
func virtualIP(t *testing.T) netip.Addr {
	number := used.Add(1)
	if number > 62 {
		t.Fatal("198.51.100.0/26 has no virtual IP left: make it larger")
	}
	return netip.AddrFrom4([4]byte{198, 51, 100, byte(number)})
}

// virtualIP6 is one of IPv6.
func virtualIP6(*testing.T) netip.Addr {
	return netip.MustParseAddr(fmt.Sprintf("2001:db8:a::%x", used.Add(1)))
}

// tcp is a TCP service on a virtual IP of its own.
func tcp(t *testing.T, scheduler string) ipvs.Service {
	return ipvs.Service{Key: ipvs.ServiceKey{Address: virtualIP(t), Port: servicePort, Protocol: ipvs.TCP}, Scheduler: scheduler}
}

// tcp6 is tcp for IPv6.
func tcp6(t *testing.T, scheduler string) ipvs.Service {
	return ipvs.Service{Key: ipvs.ServiceKey{Address: virtualIP6(t), Port: servicePort, Protocol: ipvs.TCP}, Scheduler: scheduler}
}

// udp is tcp for UDP.
func udp(t *testing.T, scheduler string) ipvs.Service {
	return ipvs.Service{Key: ipvs.ServiceKey{Address: virtualIP(t), Port: servicePort, Protocol: ipvs.UDP}, Scheduler: scheduler}
}

// to is a real server by direct routing.
func to(realServer int, weight uint32) ipvs.Destination {
	return ipvs.Destination{Address: address4(realServer), Port: servicePort, Method: ipvs.DirectRoute, Weight: weight}
}

// evenly is the real servers 1 to n with weight 1.
func evenly(n int) []ipvs.Destination {
	destinations := make([]ipvs.Destination, 0, n)
	for number := 1; number <= n; number++ {
		destinations = append(destinations, to(number, 1))
	}
	return destinations
}

// service is a virtual service that the director has for the length of a test.
type service struct {
	t   *testing.T
	key ipvs.ServiceKey
}

// add gives the director a service.
func add(t *testing.T, s ipvs.Service, destinations ...ipvs.Destination) service {
	t.Helper()
	operations := []plan.Operation{&plan.AddService{Service: s}}
	for _, d := range destinations {
		operations = append(operations, &plan.AddDestination{Service: s.Key, Destination: d})
	}
	apply(t, operations...)
	t.Cleanup(func() { apply(t, &plan.DeleteService{Service: s.Key}) })
	return service{t, s.Key}
}

// target is what clients connect to.
func (s service) target() netip.AddrPort { return netip.AddrPortFrom(s.key.Address, s.key.Port) }

// change changes a real server in place.
func (s service) change(d ipvs.Destination) {
	s.t.Helper()
	apply(s.t, &plan.UpdateDestination{Service: s.key, Destination: d})
}

// remove takes a real server out.
func (s service) remove(d ipvs.Destination) {
	s.t.Helper()
	apply(s.t, &plan.DeleteDestination{Service: s.key, Destination: d.Key()})
}

// connections are those of a real server, as the kernel counts them.
func (s service) connections(address netip.Addr) ipvs.Connections {
	s.t.Helper()
	reading := stage.director.read(s.t, s.key)
	for i, d := range reading.Destinations {
		if d.Address == address {
			return reading.Connections[i]
		}
	}
	s.t.Fatalf("%s has no real server %s", s.key, address)
	return ipvs.Connections{}
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}
