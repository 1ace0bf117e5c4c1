// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package schedulers

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

func TestWithoutPersistenceAHundredConnectionsOfOneClientAlternate(t *testing.T) {
	names := askTimes(t, 100, someone, add(t, tcp(t, "rr"), evenly(2)...).target())
	for i := 1; i < len(names); i++ {
		if names[i] == names[i-1] {
			t.Fatalf("connections %d and %d both went to %s, want them to alternate", i-1, i, names[i])
		}
	}
}

func TestWithoutPersistenceOneConnectionStaysWhereItIs(t *testing.T) {
	s := add(t, tcp(t, "rr"), evenly(2)...)
	// What a browser does that keeps its connection: many requests, one real server.
	name, conn, err := connect(t, someone, s.target(), patience)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for range 10 {
		echo(t, conn)
		ask(t, client(2), s.target())
	}
	if got := s.connections(address4(number(t, name))).Active; got != 1 {
		t.Errorf("after ten requests of the kept connection %s has %d active connections, want the one", name, got)
	}
}

func TestPersistenceKeepsAClientOnOneRealServer(t *testing.T) {
	wanted := tcp(t, "rr")
	wanted.PersistenceTimeout = 300
	s := add(t, wanted, evenly(2)...)
	for number := 1; number <= 4; number++ {
		if counts := count(askTimes(t, 10, client(number), s.target())); len(counts) != 1 {
			t.Errorf("10 connections of client %d: %v, want one real server", number, counts)
		}
	}
	if a, b := ask(t, client(5), s.target()), ask(t, client(6), s.target()); a == b {
		t.Errorf("two new clients both went to %s, want rr between clients", a)
	}
}

func TestPersistenceByNetmaskKeepsANetworkOnOneRealServer(t *testing.T) {
	wanted := tcp(t, "rr")
	wanted.PersistenceTimeout, wanted.PersistencePrefix = 300, 28
	s := add(t, wanted, evenly(2)...)
	// 198.51.100.128/28 and 198.51.100.144/28.
	first, second := networkHome(t, s, client(1), client(2), client(14)), networkHome(t, s, client(16), client(20), client(31))
	if first == second {
		t.Errorf("both networks went to %s, want rr between networks", first)
	}
}

func TestPersistenceByPrefixKeepsAnIPv6NetworkOnOneRealServer(t *testing.T) {
	wanted := tcp6(t, "rr")
	wanted.PersistenceTimeout, wanted.PersistencePrefix = 300, 64
	s := add(t, wanted, to6(1), to6(2))
	first, second := networkHome(t, s, client6(1, 1), client6(1, 2), client6(1, 99)), networkHome(t, s, client6(2, 1), client6(2, 2), client6(2, 99))
	if first == second {
		t.Errorf("both networks went to %s, want rr between networks", first)
	}
}

func TestPortZeroWithPersistenceTakesEveryPortOfTheVirtualIP(t *testing.T) {
	wanted := tcp(t, "rr")
	wanted.Key.Port, wanted.PersistenceTimeout = 0, 300
	s := add(t, wanted, caches(2, 1)...)
	web, other := netip.AddrPortFrom(s.key.Address, servicePort), netip.AddrPortFrom(s.key.Address, otherPort)
	first, second := networkHome(t, s, client(1)), networkHome(t, s, client(2))
	if first == second {
		t.Errorf("two clients both went to %s, want rr between clients", first)
	}
	for from, home := range map[netip.Addr]string{client(1): first, client(2): second} {
		for _, target := range []netip.AddrPort{web, other} {
			if got := ask(t, from, target); got != home {
				t.Errorf("%s went to %s at port %d, and before to %s", from, got, target.Port(), home)
			}
		}
	}
}

// networkHome asks twice for each client and returns the one real server that answered all.
func networkHome(t *testing.T, s service, clients ...netip.Addr) string {
	t.Helper()
	port := s.key.Port
	if port == 0 {
		port = servicePort
	}
	var names []string
	for _, from := range clients {
		names = append(names, askTimes(t, 2, from, netip.AddrPortFrom(s.key.Address, port))...)
	}
	if len(count(names)) != 1 {
		t.Errorf("%v went to %v, want one real server for all", clients, names)
	}
	return names[0]
}

// client6 is a client in a /64 of its own number, which real servers answer directly.
func client6(network, number int) netip.Addr {
	return netip.MustParseAddr(fmt.Sprintf("2001:db8:c:%x::%x", network, number))
}

// to6 is an IPv6 real server by direct routing, with weight 1.
func to6(realServer int) ipvs.Destination {
	return ipvs.Destination{Address: address6(realServer), Port: servicePort, Method: ipvs.DirectRoute, Weight: 1}
}
