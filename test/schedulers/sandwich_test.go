// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package schedulers

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/mark"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/test/network"
	"github.com/lvs-operator/lvs-operator/test/network/traffic"
)

// A firewall sandwich is stateful firewalls between two directors. Each connection must pass one firewall both ways, so
// the outer director hashes the outside address where it is the source (sh), the inner one where it is the destination
// (dh): both come to the same firewall.
//
//	outside, VLAN 10, 192.0.2.64/26     client .65, outer .66, fw1 to fw3 .71 to .73
//	inside, VLAN 20, 192.0.2.128/26     server .129, inner .130, fw1 to fw3 .135 to .137
//	198.51.100.128/25                   the client's addresses
const (
	firewalls    = 3
	sandwichMark = 58
)

var (
	outsideNetwork = netip.MustParsePrefix("198.51.100.128/25")
	insideNetwork  = netip.MustParsePrefix("192.0.2.128/26")
	server         = netip.MustParseAddrPort("192.0.2.129:8080")
)

// stateful lets connections be opened from both sides, and forwards nothing of a connection whose first packet went
// elsewhere.
const stateful = `table inet firewall {
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established,related accept
		ct state new tcp flags & (syn | ack) == syn accept
	}
}`

type sandwich struct {
	client, server *network.Host
	outer, inner   director
}

func outsideOf(firewall int) netip.Addr {
	return netip.AddrFrom4([4]byte{192, 0, 2, byte(70 + firewall)})
}
func insideOf(firewall int) netip.Addr {
	return netip.AddrFrom4([4]byte{192, 0, 2, byte(134 + firewall)})
}

// outsider is one of the client's addresses.
func outsider(number int) netip.Addr { return client(number) }

func newSandwich(t *testing.T) sandwich {
	t.Helper()
	n, err := network.New("sandwich")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	number := 0
	add := func(name string, lines ...string) *network.Host {
		t.Helper()
		number++
		host, err := n.AddHost(name, fmt.Sprintf("192.0.2.%d/32", number))
		if err == nil {
			err = batch(t.Context(), host, strings.Join(lines, "\n")+"\n")
		}
		if err == nil {
			err = set(host, "net/ipv4/ip_forward=1")
		}
		if err != nil {
			t.Fatal(err)
		}
		return host
	}
	var s sandwich
	s.client = add("client", vlan("outside", 10, "192.0.2.65"), "route add local 198.51.100.128/25 dev lo", "route add 192.0.2.128/26 via 192.0.2.66")
	s.server = add("server", vlan("inside", 20, "192.0.2.129"), "route add 198.51.100.128/25 via 192.0.2.130")
	outer, inner := add("outer", vlan("outside", 10, "192.0.2.66")), add("inner", vlan("inside", 20, "192.0.2.130"))
	for number := 1; number <= firewalls; number++ {
		firewall := add(fmt.Sprintf("fw%d", number), vlan("outside", 10, outsideOf(number).String()), vlan("inside", 20, insideOf(number).String()),
			"route add 198.51.100.128/25 via 192.0.2.65")
		filter := firewall.Command(t.Context(), "nft", "-f", "-")
		filter.Stdin = strings.NewReader(stateful)
		if output, err := filter.CombinedOutput(); err != nil {
			t.Fatalf("nft: %v: %s", err, output)
		}
	}
	s.outer = balanceFirewalls(t, outer, "outside", insideNetwork, "sh", outsideOf)
	s.inner = balanceFirewalls(t, inner, "inside", outsideNetwork, "dh", insideOf)
	return s
}

// vlan is ip's lines for a link of its own over eth0.
func vlan(name string, id int, address string) string {
	return fmt.Sprintf("link add %s link eth0 type vlan id %d\naddress add %s/26 dev %s\nlink set %s up", name, id, address, name, name)
}

// balanceFirewalls makes a host a director that sends what goes to a network through the firewalls.
func balanceFirewalls(t *testing.T, host *network.Host, link string, to netip.Prefix, scheduler string, firewall func(int) netip.Addr) director {
	t.Helper()
	d, err := openDirector(host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	key := ipvs.MarkKey(sandwichMark, ipvs.IPv4)
	operations := []plan.Operation{&plan.AddService{Service: ipvs.Service{Key: key, Scheduler: scheduler}}}
	for number := 1; number <= firewalls; number++ {
		operations = append(operations, &plan.AddDestination{
			Service: key, Destination: ipvs.Destination{Address: firewall(number), Method: ipvs.DirectRoute, Weight: 1},
		})
	}
	d.apply(t, append(operations,
		&plan.AddRoute{Family: ipvs.IPv4}, &plan.AddRule{Mark: sandwichMark, Family: ipvs.IPv4},
		&plan.SetMarks{Rules: []mark.Rule{{
			Mark: sandwichMark, Family: ipvs.IPv4, Destinations: []netip.Prefix{to}, Protocol: ipvs.TCP, Interface: link,
		}}},
	)...)
	return d
}

// serve makes a host say its name to whoever connects.
func serve(t *testing.T, host *network.Host) {
	t.Helper()
	err := host.Do(func() error {
		listener, err := net.ListenTCP("tcp", &net.TCPAddr{Port: servicePort})
		if err == nil {
			go func() { _ = traffic.Serve(t.Context(), listener, host.Name()) }()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// loads are the connections that a director has sent through each firewall.
func loads(t *testing.T, d director) [firewalls]uint32 {
	t.Helper()
	reading := d.read(t, ipvs.MarkKey(sandwichMark, ipvs.IPv4))
	if len(reading.Connections) != firewalls {
		t.Fatalf("%s has %d firewalls, want %d", d.Name(), len(reading.Connections), firewalls)
	}
	var loads [firewalls]uint32
	for i, c := range reading.Connections {
		loads[i] = c.Active + c.Inactive
	}
	return loads
}

func TestFirewallSandwichSendsAConnectionThroughOneFirewallBothWays(t *testing.T) {
	s := newSandwich(t)
	serve(t, s.server)
	serve(t, s.client)
	for number := 1; number <= 8; number++ {
		outside := netip.AddrPortFrom(outsider(number), freshPort())
		if name := askFrom(t, s.client, outside, server); name != "server" {
			t.Fatalf("from %s %q answered, want server", outside, name)
		}
		// Connections are both ways: what the server opens to the same client passes the same firewall.
		inside := netip.AddrPortFrom(server.Addr(), freshPort())
		if name := askFrom(t, s.server, inside, netip.AddrPortFrom(outsider(number), servicePort)); name != "client" {
			t.Fatalf("from inside, %q answered, want client", name)
		}
		if outer, inner := loads(t, s.outer), loads(t, s.inner); outer != inner {
			t.Fatalf("after the connections of %s the outer director has sent %v through the firewalls, and the inner one %v", outsider(number), outer, inner)
		}
	}
	for i, load := range loads(t, s.outer) {
		if load == 0 {
			t.Errorf("none of 16 connections passed fw%d: %v", i+1, loads(t, s.outer))
		}
	}
}
