// SPDX-License-Identifier: Apache-2.0

//go:build bench

package health

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/lvs-operator/lvs-operator/test/contest"
	"github.com/lvs-operator/lvs-operator/test/network"
)

const (
	// The table: services with so many real servers each.
	services = 100
	perOne   = 100
	port     = 80
)

// virtual is the virtual IP of the i-th service, and server its j-th real server.
func virtual(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(1 + i)}) }

func server(i, j int) netip.Addr { return netip.AddrFrom4([4]byte{10, 8, byte(i), byte(1 + j)}) }

// world is a director, and a host with the addresses of all real servers, on one link.
type world struct {
	t        *testing.T
	network  *network.Network
	director *network.Host
	servers  *network.Host
	end      context.CancelFunc
}

func newWorld(t *testing.T) *world {
	n, err := network.New("health")
	check(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	w := &world{t: t, network: n, end: cancel}
	t.Cleanup(w.close)
	w.director, err = n.AddHost("director", "172.16.0.1/24")
	check(t, err)
	w.servers, err = n.AddHost("servers", "172.16.0.2/24")
	check(t, err)
	w.run(w.servers, "ip", "route", "add", "local", "10.8.0.0/16", "dev", "lo")
	w.run(w.servers, "sysctl", "-qw", "net.core.somaxconn=4096", "net.ipv4.tcp_max_syn_backlog=4096", "net.ipv4.icmp_ratelimit=0")
	w.run(w.director, "ip", "route", "add", "10.8.0.0/16", "via", "172.16.0.2")
	w.serve(ctx)
	return w
}

// serve runs the real servers: nginx, one process for each processor.
func (w *world) serve(ctx context.Context) {
	w.t.Helper()
	dir := w.t.TempDir()
	conf := fmt.Sprintf("daemon off;\nuser root;\nworker_processes 2;\npid %s/pid;\nerror_log stderr;\nevents {\n worker_connections 8192;\n}\n"+
		"http {\n access_log off;\n server {\n  listen %d backlog=4096;\n  location / {\n   return 200 \"ok\\n\";\n  }\n }\n}\n", dir, port)
	path := filepath.Join(dir, "nginx.conf")
	check(w.t, os.WriteFile(path, []byte(conf), 0o600))
	_, err := contest.Start(w.servers.Command(ctx, "nginx", "-c", path), filepath.Join(dir, "log"))
	check(w.t, err)
}

// close ends everything in the world, once.
func (w *world) close() {
	w.end()
	if w.network != nil {
		check(w.t, w.network.Close())
		w.network = nil
	}
}

// die makes real servers unreachable, all at once.
func (w *world) die(addresses []netip.Addr) {
	w.t.Helper()
	var batch strings.Builder
	for _, address := range addresses {
		fmt.Fprintf(&batch, "route add unreachable %s/32 table local\n", address)
	}
	ip := w.servers.Command(w.t.Context(), "ip", "-batch", "-")
	ip.Stdin = strings.NewReader(batch.String())
	if out, err := ip.CombinedOutput(); err != nil {
		w.t.Fatalf("ip -batch: %v: %s", err, out)
	}
}

// table are the real servers in the director's kernel.
func (w *world) table() map[netip.Addr]bool {
	w.t.Helper()
	there := map[netip.Addr]bool{}
	for line := range strings.Lines(w.listing()) {
		if address, found := strings.CutPrefix(line, realServerLine); found {
			if number, err := strconv.ParseUint(address[:8], 16, 32); err == nil {
				there[netip.AddrFrom4([4]byte{byte(number >> 24), byte(number >> 16), byte(number >> 8), byte(number)})] = true
			}
		}
	}
	return there
}

// size is how many real servers are in the director's kernel.
func (w *world) size() int {
	w.t.Helper()
	return strings.Count(w.listing(), "\n"+realServerLine) - 1 // one is the heading
}

const realServerLine = "  -> "

func (w *world) listing() string {
	w.t.Helper()
	var text []byte
	check(w.t, w.director.Do(func() (err error) {
		text, err = os.ReadFile("/proc/thread-self/net/ip_vs")
		return err
	}))
	return string(text)
}

func (w *world) run(host *network.Host, args ...string) {
	w.t.Helper()
	if out, err := host.Command(w.t.Context(), args...).CombinedOutput(); err != nil {
		w.t.Fatalf("on %s: %s: %v: %s", host.Name(), strings.Join(args, " "), err, out)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
