// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package schedulers

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/test/network"
)

func TestMasqueradingReachesAnotherPortOfTheRealServer(t *testing.T) {
	for family, path := range families(t) {
		t.Run(family.String(), func(t *testing.T) {
			s := add(t, path.service, path.to(1, func(d *ipvs.Destination) { d.Method, d.Port = ipvs.Masquerade, otherPort }),
				path.to(2, func(d *ipvs.Destination) { d.Method, d.Port = ipvs.Masquerade, otherPort }))
			if counts := count(askTimes(t, 4, natClients[family], s.target())); counts["rs1"] != 2 || counts["rs2"] != 2 {
				t.Errorf("4 connections: %v, want 2 each", counts)
			}
		})
	}
}

func TestDirectRoutingReachesTheRealServer(t *testing.T) {
	for family, path := range families(t) {
		t.Run(family.String(), func(t *testing.T) {
			direct := func(d *ipvs.Destination) { d.Method = ipvs.DirectRoute }
			s := add(t, path.service, path.to(1, direct), path.to(2, direct))
			if counts := count(askTimes(t, 4, path.client, s.target())); counts["rs1"] != 2 || counts["rs2"] != 2 {
				t.Errorf("4 connections: %v, want 2 each", counts)
			}
		})
	}
}

// TestTunnellingReachesTheRealServer has on the real server what unwraps each kind of packet, by the ip command.
func TestTunnellingReachesTheRealServer(t *testing.T) {
	const guePort = 6080
	for _, test := range []struct {
		name             string
		service, outside ipvs.Family
		tunnel           ipvs.Tunnel
		unwrap           []string
	}{
		{"IPv4 in IPv4", ipvs.IPv4, ipvs.IPv4, ipvs.Tunnel{}, []string{"link add unwrap type ipip local 192.0.2.11"}},
		{"IPv6 in IPv6", ipvs.IPv6, ipvs.IPv6, ipvs.Tunnel{}, []string{"link add unwrap type ip6tnl mode any local 2001:db8::11"}},
		{"IPv6 in IPv4", ipvs.IPv6, ipvs.IPv4, ipvs.Tunnel{}, []string{"link add unwrap type sit local 192.0.2.11"}},
		{"IPv4 in IPv6", ipvs.IPv4, ipvs.IPv6, ipvs.Tunnel{}, []string{"link add unwrap type ip6tnl mode any local 2001:db8::11"}},
		{"GRE", ipvs.IPv4, ipvs.IPv4, ipvs.Tunnel{Type: ipvs.GRE}, []string{"link add unwrap type gre local 192.0.2.11"}},
		{
			"GRE with a checksum", ipvs.IPv4, ipvs.IPv4, ipvs.Tunnel{Type: ipvs.GRE, Flags: ipvs.TunnelChecksum},
			[]string{"link add unwrap type gre local 192.0.2.11 icsum"},
		},
		{
			"GUE", ipvs.IPv4, ipvs.IPv4, ipvs.Tunnel{Type: ipvs.GUE, Port: guePort},
			[]string{fmt.Sprintf("fou add port %d gue", guePort), "link add unwrap type ipip local 192.0.2.11"},
		},
		{
			"GUE with a checksum", ipvs.IPv4, ipvs.IPv4, ipvs.Tunnel{Type: ipvs.GUE, Port: guePort, Flags: ipvs.TunnelChecksum},
			[]string{fmt.Sprintf("fou add port %d gue", guePort), "link add unwrap type ipip local 192.0.2.11"},
		},
		{
			"GUE with remote checksum offload", ipvs.IPv4, ipvs.IPv4,
			ipvs.Tunnel{Type: ipvs.GUE, Port: guePort, Flags: ipvs.TunnelRemoteChecksum},
			[]string{fmt.Sprintf("fou add port %d gue", guePort), "link add unwrap type ipip local 192.0.2.11"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.tunnel.Type == ipvs.GUE {
				if err := loadModule(t.Context(), "fou"); err != nil {
					t.Skip(err)
				}
			}
			unwrap(t, stage.realServers[1], test.unwrap)
			path := families(t)[test.service]
			d := path.to(1, func(d *ipvs.Destination) { d.Method, d.Tunnel = ipvs.Tunnelling, test.tunnel })
			d.Address = address4(1)
			if test.outside == ipvs.IPv6 {
				d.Address = address6(1)
			}
			s := add(t, path.service, d)
			for range 2 {
				name, conn, err := connect(t, path.client, s.target(), patience)
				if err != nil || name != "rs1" {
					t.Fatalf("%q answered, want rs1; %v", name, err)
				}
				echo(t, conn)
				_ = conn.Close()
			}
		})
	}
}

// unwrap makes the tunnel link of a real server, for the length of a test.
func unwrap(t *testing.T, host *network.Host, lines []string) {
	t.Helper()
	up := strings.Join(append(lines, "link set unwrap up\n"), "\n")
	down := "link del unwrap\n"
	if port, found := strings.CutPrefix(lines[0], "fou add "); found {
		down += "fou del " + port + "\n"
	}
	t.Cleanup(func() {
		if err := batch(context.WithoutCancel(t.Context()), host, down); err != nil {
			t.Error(err)
		}
	})
	if err := batch(t.Context(), host, up); err != nil {
		t.Fatal(err)
	}
}

// path is a way through the director in one address family.
type path struct {
	service ipvs.Service
	client  netip.Addr
	address func(realServer int) netip.Addr
}

// families are a path of each address family.
func families(t *testing.T) map[ipvs.Family]path {
	return map[ipvs.Family]path{
		ipvs.IPv4: {tcp(t, "rr"), someone, address4},
		ipvs.IPv6: {tcp6(t, "rr"), client6(0, 1), address6},
	}
}

// to is a real server of weight 1 that options complete.
func (p path) to(realServer int, option func(*ipvs.Destination)) ipvs.Destination {
	d := ipvs.Destination{Address: p.address(realServer), Port: servicePort, Weight: 1}
	option(&d)
	return d
}
