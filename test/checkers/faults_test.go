// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package checkers

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// unusedPort is one that nobody listens on.
const unusedPort = 9

// listen opens a port of the real server for the length of a test.
func listen(t *testing.T) net.Listener {
	t.Helper()
	var l net.Listener
	err := stage.realServer.Do(func() (err error) {
		l, err = net.ListenTCP("tcp4", &net.TCPAddr{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// portOf is where a listener of the real server is reached.
func portOf(l net.Listener) netip.AddrPort { return at(uint16(l.Addr().(*net.TCPAddr).Port)) }

// conn is a connection that can be ended in an ordinary way, with TLS or without.
type conn interface {
	net.Conn
	CloseWrite() error
}

// serve opens a port of the real server where each who connects is treated alike, for the length of a test.
func serve(t *testing.T, treat func(conn)) netip.AddrPort {
	t.Helper()
	l := listen(t)
	go func() {
		for {
			accepted, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = accepted.Close() }()
				treat(accepted.(*net.TCPConn))
			}()
		}
	}()
	return portOf(l)
}

// stalls says the beginning of an answer and then no more.
func stalls(answer string) func(conn) {
	return func(c conn) {
		_, _ = io.WriteString(c, answer)
		_, _ = io.Copy(io.Discard, c)
	}
}

// asked reads a request of HTTP/1.1 first: who answers before that is not understood.
func asked(treat func(conn)) func(conn) {
	return func(c conn) {
		var heard []byte
		for one := make([]byte, 1); !bytes.HasSuffix(heard, []byte("\r\n\r\n")); heard = append(heard, one...) {
			if _, err := io.ReadFull(c, one); err != nil {
				return
			}
		}
		treat(c)
	}
}

// ends says the beginning of an answer and closes.
func ends(answer string) func(conn) {
	return func(c conn) {
		_, _ = io.WriteString(c, answer)
		_ = c.CloseWrite()
		_, _ = io.Copy(io.Discard, c)
	}
}

// resets ends the connection by RST.
func resets(c conn) { _ = c.(*net.TCPConn).SetLinger(0) }

// secured makes the TLS handshake first.
func secured(t *testing.T, treat func(conn), protocols ...string) func(conn) {
	t.Helper()
	certificate, err := stage.trusted.issue(unchanged)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: protocols}
	return func(c conn) {
		secure := tls.Server(c, config)
		if secure.Handshake() == nil {
			treat(secure)
		}
	}
}

// The reasons of checks by TCP that get no further than the kernels, and of those by datagrams.
const (
	refused     = "connection refused"
	unreachable = "host unreachable: the real server does not answer on its link, or a router or a firewall on the way says so by ICMP"
	noAnswer    = "no answer within 5s"
)

// unconnected are the stories of any check by TCP where no connection comes about.
func unconnected(c check.Check) []story {
	return []story{
		{"nobody listens", c, at(unusedPort), refused, 0},
		{"a black hole", c, netip.AddrPortFrom(blackHole, webPort), noAnswer, short},
		{"nobody has the address", c, netip.AddrPortFrom(nobody, webPort), unreachable, 0},
		{"a firewall rejects", c, netip.AddrPortFrom(rejecting, webPort), unreachable, 0},
	}
}

// unserved are the stories of any check by TCP that hears nothing on its connection, where silence is the reason of one that waits.
func unserved(t *testing.T, c check.Check, silence string) []story {
	t.Helper()
	return []story{
		{"it accepts and says nothing", c, serve(t, stalls("")), silence, short},
		{"it resets the connection", c, serve(t, resets), "connection reset", 0},
	}
}
