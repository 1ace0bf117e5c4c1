// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package schedulers

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/test/network"
	"github.com/lvs-operator/lvs-operator/test/network/traffic"
)

// firstFreshPort begins the client ports: below the ephemeral ones (net.ipv4.ip_local_port_range), above the well-known.
const firstFreshPort = 10000

// fresh counts the client ports that were used. IPVS knows a connection by its ports for minutes, and schedules only what
// it does not know, so no port is used twice.
var fresh atomic.Int32

func freshPort() uint16 { return uint16(firstFreshPort + fresh.Add(1)) }

// someone is a client where it does not matter which.
var someone = client(1)

// client is one of 62 clients that real servers answer directly.
func client(number int) netip.Addr { return netip.AddrFrom4([4]byte{198, 51, 100, byte(128 + number)}) }

// natClients are clients that real servers answer through the director, by address family.
var natClients = map[ipvs.Family]netip.Addr{
	ipvs.IPv4: netip.MustParseAddr("198.51.100.193"),
	ipvs.IPv6: netip.MustParseAddr("2001:db8:d::1"),
}

// dial connects from an address and port of a host's, and returns the connection with the name of the server at its end.
func dial(t *testing.T, host *network.Host, from, target netip.AddrPort, within time.Duration) (string, net.Conn, error) {
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(from)}
	return traffic.Connect(ctx, func(ctx context.Context) (conn net.Conn, err error) {
		err = host.Do(func() error {
			conn, err = dialer.DialContext(ctx, "tcp", target.String())
			return err
		})
		return conn, err
	})
}

// connect makes a fresh connection of a client and returns it with the name of the real server at its end.
func connect(t *testing.T, from netip.Addr, target netip.AddrPort, within time.Duration) (string, net.Conn, error) {
	return dial(t, stage.client, netip.AddrPortFrom(from, freshPort()), target, within)
}

// ask makes a fresh connection, ends it, and returns who answered.
func ask(t *testing.T, from netip.Addr, target netip.AddrPort) string {
	t.Helper()
	name, end := hold(t, from, target)
	end()
	return name
}

// hold makes a fresh connection that goes on until its end is called or the test ends, and returns who answered.
func hold(t *testing.T, from netip.Addr, target netip.AddrPort) (name string, end func()) {
	t.Helper()
	name, conn, err := connect(t, from, target, patience)
	if err != nil {
		t.Fatalf("a connection from %s to %s: %v", from, target, err)
	}
	end = func() { _ = conn.Close() }
	t.Cleanup(end)
	return name, end
}

// askTimes makes fresh connections one after the other and returns who answered, in order.
func askTimes(t *testing.T, n int, from netip.Addr, target netip.AddrPort) []string {
	t.Helper()
	names := make([]string, 0, n)
	for range n {
		names = append(names, ask(t, from, target))
	}
	return names
}

// askFrom is ask from a host and port that the test chooses. It ends with a reset, so that the port is free at once.
func askFrom(t *testing.T, host *network.Host, from, target netip.AddrPort) string {
	t.Helper()
	name, conn, err := dial(t, host, from, target, patience)
	if err != nil {
		t.Fatalf("a connection from %s to %s: %v", from, target, err)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
	return name
}

// holdTimes holds n connections, and returns who answered, in order.
func holdTimes(t *testing.T, n int, target netip.AddrPort) []string {
	t.Helper()
	names := make([]string, 0, n)
	for range n {
		name, _ := hold(t, someone, target)
		names = append(names, name)
	}
	return names
}

// refused says whether a fresh connection is refused; that it fails in another way fails the test.
func refused(t *testing.T, from netip.Addr, target netip.AddrPort) bool {
	t.Helper()
	_, conn, err := connect(t, from, target, patience)
	if err == nil {
		_ = conn.Close()
		return false
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("a connection from %s to %s: %v; want an answer or a refusal", from, target, err)
	}
	return true
}

// silent says whether a fresh connection gets no answer at all for a second.
func silent(t *testing.T, from netip.Addr, target netip.AddrPort) bool {
	t.Helper()
	_, conn, err := connect(t, from, target, time.Second)
	if err == nil {
		_ = conn.Close()
		return false
	}
	if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("a connection from %s to %s: %v; want an answer or none", from, target, err)
	}
	return true
}

// socket is a UDP socket of a client with a port of its own.
type socket struct {
	t    *testing.T
	conn net.Conn
}

// open opens a socket to a service.
func open(t *testing.T, target netip.AddrPort) socket {
	t.Helper()
	var conn net.Conn
	err := stage.client.Do(func() (err error) {
		from := net.UDPAddrFromAddrPort(netip.AddrPortFrom(someone, freshPort()))
		conn, err = net.DialUDP("udp", from, net.UDPAddrFromAddrPort(target))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return socket{t, conn}
}

// ask sends a datagram and returns who answered.
func (s socket) ask() string {
	s.t.Helper()
	name, err := s.exchange()
	if err != nil {
		s.t.Fatalf("a datagram to %s: %v", s.conn.RemoteAddr(), err)
	}
	return name
}

func (s socket) exchange() (name string, err error) {
	answer := make([]byte, 64)
	if err := s.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	if _, err := s.conn.Write([]byte("?")); err != nil {
		return "", err
	}
	n, err := s.conn.Read(answer)
	return string(answer[:n]), err
}

// serveUDP has real servers answer datagrams to a virtual IP with their names for the length of a test.
func serveUDP(t *testing.T, target netip.AddrPort, numbers ...int) {
	t.Helper()
	for _, number := range numbers {
		host := stage.realServers[number]
		err := host.Do(func() error {
			conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(target))
			if err == nil {
				go func() { _ = traffic.ServeDatagrams(t.Context(), conn, host.Name()) }()
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// echo sends a line through a connection and waits for its echo.
func echo(t *testing.T, conn net.Conn) {
	t.Helper()
	line, back := []byte("line\n"), make([]byte, 5)
	err := conn.SetDeadline(time.Now().Add(patience))
	if err == nil {
		_, err = conn.Write(line)
	}
	if err == nil {
		_, err = io.ReadFull(conn, back)
	}
	if err != nil {
		t.Fatalf("a line to %s and its echo: %v", conn.RemoteAddr(), err)
	}
}

// count says how often each name is in names.
func count(names []string) map[string]int {
	counts := map[string]int{}
	for _, name := range names {
		counts[name]++
	}
	return counts
}
