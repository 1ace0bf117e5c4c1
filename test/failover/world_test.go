// SPDX-License-Identifier: Apache-2.0

//go:build bench

package failover

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/lvs-operator/lvs-operator/test/network"
	"github.com/lvs-operator/lvs-operator/test/network/traffic"
)

const (
	vip  = "192.0.2.200"
	port = 80
	vrid = 66
)

var (
	target     = netip.AddrPortFrom(netip.MustParseAddr(vip), port)
	realServer = netip.MustParseAddr("192.0.2.111")
)

// world is a client, a real server behind direct routing, and two directors on one link. The first director has the higher priority.
type world struct {
	t         *testing.T
	network   *network.Network
	client    *network.Host
	directors [2]*network.Host
	heard     *advertisements
	// ends are what the end of the world ends.
	ends []func()
}

func newWorld(t *testing.T) *world {
	n, err := network.New("failover")
	check(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	w := &world{t: t, network: n, ends: []func(){cancel}}
	t.Cleanup(w.end)
	add := func(name, address string) *network.Host {
		host, err := n.AddHost(name, address)
		check(t, err)
		return host
	}
	w.client = add("client", "192.0.2.10/24")
	server := add("server", realServer.String()+"/24")
	w.directors = [2]*network.Host{add("d1", "192.0.2.101/24"), add("d2", "192.0.2.102/24")}
	run(t, server, "sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1", "net.ipv4.conf.all.arp_announce=2")
	run(t, server, "ip", "address", "add", vip+"/32", "dev", "lo")
	check(t, server.Do(func() error {
		listener, err := net.Listen("tcp4", fmt.Sprint("0.0.0.0:", port))
		if err == nil {
			go func() { _ = traffic.Serve(ctx, listener, "server") }()
		}
		return err
	}))
	w.heard = w.listen()
	return w
}

// end ends everything in the world, once.
func (w *world) end() {
	for _, end := range w.ends {
		end()
	}
	if w.network != nil {
		check(w.t, w.network.Close())
	}
	w.ends, w.network = nil, nil
}

// clean takes from a director what a power cut would have taken.
func (w *world) clean(i int) {
	// An address that is not there is no error here.
	_ = w.directors[i].Command(w.t.Context(), "ip", "address", "flush", "dev", "eth0", "to", vip).Run()
	run(w.t, w.directors[i], "ipvsadm", "-C")
}

func run(t *testing.T, host *network.Host, args ...string) {
	t.Helper()
	if out, err := host.Command(t.Context(), args...).CombinedOutput(); err != nil {
		t.Fatalf("on %s: %s: %v: %s", host.Name(), strings.Join(args, " "), err, out)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
