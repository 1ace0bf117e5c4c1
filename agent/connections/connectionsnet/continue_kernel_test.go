// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package connectionsnet

import (
	"bufio"
	"maps"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/connections"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/test/network/traffic"
)

// The world of the test that connections go on: virtual IPs and clients are routed, never looked for by ARP, so that real servers
// may hold every virtual IP.
//
//	client .1  198.51.100.128/26, 2001:db8:c::/48  real servers answer them directly
//	           198.51.100.192/26                   real servers answer them through the director, as masquerading needs
//	one .2, two .3                                 198.51.100.0/26, 2001:db8:a::/48: virtual IPs
//	rs1 .11, rs2 .12                               the virtual IPs too
const (
	masqueraded = "198.51.100.10:8080" // to port 8081
	direct      = "198.51.100.11:8080"
	datagrams   = "198.51.100.12:5353"
	persistent  = "198.51.100.13:8080"
	marked      = "198.51.100.20:8080" // by mark 100, persistent
	direct6     = "[2001:db8:a::10]:8080"

	rules = `
-A -t 198.51.100.10:8080 -s rr
-a -t 198.51.100.10:8080 -r 192.0.2.11:8081 -m
-a -t 198.51.100.10:8080 -r 192.0.2.12:8081 -m
-A -t 198.51.100.11:8080 -s rr
-a -t 198.51.100.11:8080 -r 192.0.2.11:8080 -g
-a -t 198.51.100.11:8080 -r 192.0.2.12:8080 -g
-A -u 198.51.100.12:5353 -s rr
-a -u 198.51.100.12:5353 -r 192.0.2.11:5353 -g
-a -u 198.51.100.12:5353 -r 192.0.2.12:5353 -g
-A -t 198.51.100.13:8080 -s rr -p 300
-a -t 198.51.100.13:8080 -r 192.0.2.11:8080 -g
-a -t 198.51.100.13:8080 -r 192.0.2.12:8080 -g
-A -f 100 -s rr -p 300
-a -f 100 -r 192.0.2.11:0 -g
-a -f 100 -r 192.0.2.12:0 -g
-A -t [2001:db8:a::10]:8080 -s rr
-a -t [2001:db8:a::10]:8080 -r [2001:db8::11]:8080 -g
-a -t [2001:db8:a::10]:8080 -r [2001:db8::12]:8080 -g
`
	marking = `
table ip marks {
	chain incoming {
		type filter hook prerouting priority -150
		ip daddr 198.51.100.20 meta mark set 100
	}
}
`

	routesOfDirector = `
route add local 198.51.100.0/26 dev lo
route add 198.51.100.128/25 via 192.0.2.1
route add local 2001:db8:a::/48 dev lo
route add 2001:db8:c::/48 via 2001:db8::1
`
	routesOfRealServer = `
route add local 198.51.100.0/26 dev lo
route add 198.51.100.128/26 via 192.0.2.1
route add 198.51.100.192/26 via 192.0.2.2
route add local 2001:db8:a::/48 dev lo
route add 2001:db8:c::/48 via 2001:db8::1
`
	routesOfClient = `
route add local 198.51.100.128/25 dev lo
route add 198.51.100.0/26 via 192.0.2.2
route add local 2001:db8:c::/48 dev lo
route add 2001:db8:a::/48 via 2001:db8::2
`
)

// details are those of a connection of the rules.
func details(c connections.Connection) connections.Details {
	switch {
	case c.Mark() == 100, c.Virtual == netip.MustParseAddrPort(marked):
		return connections.Details{Method: ipvs.DirectRoute, Mark: 100, Persistence: 300}
	case c.Virtual == netip.MustParseAddrPort(masqueraded):
		return connections.Details{Method: ipvs.Masquerade}
	default:
		return connections.Details{Method: ipvs.DirectRoute, Persistence: 300}
	}
}

// serve has a real server say its name, and then repeat what it hears.
func serve(h host) {
	h.t.Helper()
	h.do(func() error {
		for _, port := range []int{8080, 8081} {
			listener, err := net.ListenTCP("tcp", &net.TCPAddr{Port: port})
			if err != nil {
				return err
			}
			go func() { _ = traffic.Serve(h.t.Context(), listener, h.Name()) }()
		}
		conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(198, 51, 100, 12), Port: 5353})
		if err != nil {
			return err
		}
		go func() { _ = traffic.ServeDatagrams(h.t.Context(), conn, h.Name()) }()
		return nil
	})
}

// held is a connection of a client, and the name of the real server at its other end.
type held struct {
	net.Conn
	reader *bufio.Reader
	name   string
}

// dial connects from one of the client's addresses. A datagram has to ask for the name.
func dial(client host, network, from, target string) held {
	client.t.Helper()
	var h held
	client.do(func() (err error) {
		var local net.Addr = &net.TCPAddr{IP: net.ParseIP(from)}
		if network == "udp" {
			local = &net.UDPAddr{IP: net.ParseIP(from)}
		}
		dialer := net.Dialer{LocalAddr: local, Timeout: patience}
		h.Conn, err = dialer.DialContext(client.t.Context(), network, target)
		return err
	})
	client.t.Cleanup(func() { _ = h.Close() })
	h.reader = bufio.NewReader(h.Conn)
	if network == "tcp" {
		h.name = strings.TrimSpace(h.line(client.t))
	}
	return h
}

func (h held) line(t *testing.T) string {
	t.Helper()
	_ = h.SetReadDeadline(time.Now().Add(patience))
	line, err := h.reader.ReadString('\n')
	if err != nil {
		t.Fatalf("%s to %s, at %s: %v", h.LocalAddr(), h.RemoteAddr(), h.name, err)
	}
	return line
}

// talk says something that the real server has to repeat.
func (h held) talk(t *testing.T) {
	t.Helper()
	if _, err := h.Write([]byte("hello\n")); err != nil {
		t.Fatalf("%s to %s, at %s: %v", h.LocalAddr(), h.RemoteAddr(), h.name, err)
	}
	if line := h.line(t); line != "hello\n" {
		t.Fatalf("%s to %s, at %s: %q came back", h.LocalAddr(), h.RemoteAddr(), h.name, line)
	}
}

// ask sends a datagram, and returns the name that comes back.
func (h held) ask(t *testing.T) string {
	t.Helper()
	_ = h.SetDeadline(time.Now().Add(patience))
	answer := make([]byte, 100)
	_, err := h.Write([]byte("hello"))
	n := 0
	if err == nil {
		n, err = h.Read(answer)
	}
	if err != nil {
		t.Fatalf("%s to %s: %v", h.LocalAddr(), h.RemoteAddr(), err)
	}
	return string(answer[:n])
}

// Director one has the connections, by real traffic, and no daemon that sends them; two listens. One sends them, and everything
// goes through two from then on.
func TestConnectionsGoOnAtAnotherDirector(t *testing.T) {
	n := newLink(t)
	client := add(t, n, "client", "192.0.2.1", routesOfClient, "ipv6/ip_nonlocal_bind=1")
	one := add(t, n, "one", "192.0.2.2", routesOfDirector, "ipv4/ip_forward=1", "ipv6/conf/all/forwarding=1")
	two := add(t, n, "two", "192.0.2.3", routesOfDirector, "ipv4/ip_forward=1", "ipv6/conf/all/forwarding=1")
	realServers := []host{add(t, n, "rs1", "192.0.2.11", routesOfRealServer), add(t, n, "rs2", "192.0.2.12", routesOfRealServer)}
	for _, realServer := range realServers {
		serve(realServer)
	}
	daemon := ipvs.Daemon{Interface: "eth0", ID: syncID}
	for _, director := range []host{one, two} {
		director.direct(rules)
		director.feed(marking, "nft", "-f", "-")
		director.listen(daemon) // on one too: it must not hear itself
	}

	var streams []held
	for range 2 { // rr: one at each real server
		streams = append(streams,
			dial(client, "tcp", "198.51.100.200", masqueraded), dial(client, "tcp", "198.51.100.130", direct),
			dial(client, "tcp", "198.51.100.131", persistent), dial(client, "tcp", "198.51.100.132", marked),
			dial(client, "tcp", "2001:db8:c::1", direct6))
	}
	for _, stream := range streams {
		stream.talk(t)
	}
	datagram := dial(client, "udp", "198.51.100.133", datagrams)
	answered := datagram.ask(t)

	here := one.table()
	if want := len(streams) + 1 + 2; len(here) != want { // two templates
		t.Fatalf("one has %d connections, want %d: %v", len(here), want, here)
	}
	if there := two.table(); len(there) > 0 {
		t.Fatalf("two has %v before anything was sent", there)
	}
	one.send(daemon, here, details)
	there := two.awaits(len(here))
	templates := 0
	for id, sent := range here {
		got := there[id]
		if !got.Synced || got.RealServer != sent.RealServer || got.State != sent.State || got.Template != sent.Template {
			t.Errorf("sent %+v, arrived as %+v", sent, got)
		}
		if got.Expires > sent.Expires+1 && !sent.Template || got.Expires+uint32(patience.Seconds()) < sent.Expires {
			t.Errorf("%v expires in %d s here, in %d s there", id, sent.Expires, got.Expires)
		}
		if sent.Synced {
			t.Errorf("one has %+v, as if it were from elsewhere", sent)
		}
		if sent.Template {
			templates++
		}
	}
	if templates != 2 {
		t.Errorf("%d templates, want one of the persistent service and one of the mark", templates)
	}
	if shownHere, shownThere := one.shown(), two.shown(); len(shownHere) != len(here) || !maps.Equal(shownHere, shownThere) {
		t.Errorf("ipvsadm shows\n%v\nof one, and\n%v\nof two", shownHere, shownThere)
	}
	// With active and inactive connections of each real server.
	if servicesHere, servicesThere := one.run("ipvsadm -L -n"), two.run("ipvsadm -L -n"); servicesHere != servicesThere {
		t.Errorf("ipvsadm shows\n%s\nof one, and\n%s\nof two", servicesHere, servicesThere)
	}
	if again := one.table(); len(again) != len(here) {
		t.Errorf("one has %d connections after it sent %d", len(again), len(here))
	}

	client.feed("route replace 198.51.100.0/26 via 192.0.2.3\nroute replace 2001:db8:a::/48 via 2001:db8::3\n", "ip", "-batch", "-")
	for _, realServer := range realServers {
		realServer.run("ip route replace 198.51.100.192/26 via 192.0.2.3")
	}
	one.run("ip link set eth0 down")
	for _, stream := range streams {
		stream.talk(t)
	}
	if again := datagram.ask(t); again != answered {
		t.Errorf("the datagram went to %s, and now to %s", answered, again)
	}
	for target, first := range map[string]held{persistent: streams[2], marked: streams[3]} {
		for range 3 { // rr would take the other one in between
			if next := dial(client, "tcp", first.LocalAddr().(*net.TCPAddr).IP.String(), target); next.name != first.name {
				t.Errorf("a client of %s came to %s, and through two to %s", target, first.name, next.name)
			}
		}
	}
}
