// SPDX-License-Identifier: Apache-2.0

package connections_test

import (
	"net/netip"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/connections"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

func TestAConnectionIsOfAServiceByAddressByEveryPortOrByMark(t *testing.T) {
	at := netip.MustParseAddrPort
	reading := func(key ipvs.ServiceKey, persistence uint32, method ipvs.Method, servers ...string) ipvs.Reading {
		r := ipvs.Reading{Entry: ipvs.Entry{Service: ipvs.Service{Key: key, PersistenceTimeout: persistence}}}
		for _, server := range servers {
			r.Destinations = append(r.Destinations, ipvs.Destination{Address: at(server).Addr(), Port: at(server).Port(), Method: method})
		}
		return r
	}
	vip := netip.MustParseAddr("192.0.2.200")
	services := connections.NewServices([]ipvs.Reading{
		reading(ipvs.ServiceKey{Address: vip, Port: 80, Protocol: ipvs.TCP}, 300, ipvs.DirectRoute, "198.51.100.1:80"),
		reading(ipvs.ServiceKey{Address: vip, Protocol: ipvs.TCP}, 60, ipvs.Tunnelling, "198.51.100.2:0"),
		reading(ipvs.MarkKey(9, ipvs.IPv4), 0, ipvs.Masquerade, "198.51.100.3:8080"),
		reading(ipvs.MarkKey(7, ipvs.IPv4), 10, ipvs.Masquerade, "198.51.100.3:8080", "198.51.100.4:8080"),
	})
	client, any0 := at("203.0.113.5:40000"), at("203.0.113.5:0")
	for _, test := range []struct {
		name string
		of   connections.Connection
		want connections.Details
		none bool
	}{
		{name: "by address", of: connections.Connection{Protocol: ipvs.TCP, Client: client, Virtual: at("192.0.2.200:80"), RealServer: at("198.51.100.1:80")}, want: connections.Details{Method: ipvs.DirectRoute}},
		{name: "its template", of: connections.Connection{Protocol: ipvs.TCP, Client: any0, Virtual: at("192.0.2.200:80"), RealServer: at("198.51.100.1:80"), Template: true}, want: connections.Details{Method: ipvs.DirectRoute, Persistence: 300}},
		{name: "every port", of: connections.Connection{Protocol: ipvs.TCP, Client: client, Virtual: at("192.0.2.200:25"), RealServer: at("198.51.100.2:25")}, want: connections.Details{Method: ipvs.Tunnelling}},
		{name: "its template", of: connections.Connection{Protocol: ipvs.TCP, Client: any0, Virtual: at("192.0.2.200:0"), RealServer: at("198.51.100.2:0"), Template: true}, want: connections.Details{Method: ipvs.Tunnelling, Persistence: 60}},
		{name: "by mark", of: connections.Connection{Protocol: ipvs.UDP, Client: client, Virtual: at("192.0.2.99:53"), RealServer: at("198.51.100.4:8080")}, want: connections.Details{Mark: 7}},
		{name: "by the smaller of two marks", of: connections.Connection{Protocol: ipvs.UDP, Client: client, Virtual: at("192.0.2.99:53"), RealServer: at("198.51.100.3:8080")}, want: connections.Details{Mark: 7}},
		{name: "the template of a mark", of: connections.Connection{Client: any0, Virtual: at("0.0.0.7:0"), RealServer: at("198.51.100.4:0"), Template: true}, want: connections.Details{Mark: 7, Persistence: 10}},
		{name: "a real server that is gone", of: connections.Connection{Protocol: ipvs.TCP, Client: client, Virtual: at("192.0.2.200:80"), RealServer: at("198.51.100.9:80")}, none: true},
		{name: "another's service", of: connections.Connection{Protocol: ipvs.TCP, Client: client, Virtual: at("192.0.2.201:80"), RealServer: at("198.51.100.1:80")}, none: true},
	} {
		got, known := services.Details(test.of)
		if known == test.none || got != test.want && !test.none {
			t.Errorf("%s: %+v, %t; want %+v", test.name, got, known, test.want)
		}
	}
}
