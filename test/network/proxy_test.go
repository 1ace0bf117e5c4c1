// SPDX-License-Identifier: Apache-2.0

package network

import (
	"bufio"
	"context"
	"io"
	"net"
	"testing"

	"github.com/lvs-operator/lvs-operator/test/network/traffic"
)

// proxied returns a proxy on loopback in front of a server that says its name and echoes, and the proxy's address.
func proxied(t *testing.T) (*Proxy, string) {
	t.Helper()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- traffic.Serve(ctx, server, "api") }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	address := "127.0.0.1:0"
	p := newProxy(server.Addr().String(), func() (net.Listener, error) {
		listener, err := net.Listen("tcp", address)
		if err == nil {
			address = listener.Addr().String()
		}
		return listener, err
	})
	if err := p.Restore(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p, address
}

func TestProxyPassesBothDirectionsAndTheirEnds(t *testing.T) {
	_, address := proxied(t)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "request"); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); string(answer) != "api\nrequest" || err != nil {
		t.Fatalf("got %q, %v", answer, err)
	}
}

func TestProxyThatIsCutFailsAsADeadTargetDoes(t *testing.T) {
	p, address := proxied(t)
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	reader := bufio.NewReader(conn)
	if _, err := reader.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	p.Cut()
	p.Cut()
	if _, err := reader.ReadByte(); err == nil {
		t.Error("a connection outlived the cut")
	}
	if late, err := net.Dial("tcp", address); err == nil {
		_ = late.Close()
		t.Error("a new connection was taken after the cut")
	}
	if err := p.Restore(); err != nil {
		t.Fatal(err)
	}
	if err := p.Restore(); err != nil {
		t.Errorf("restored again: %v", err)
	}
	again, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatalf("after restoring: %v", err)
	}
	_ = again.Close()
}
