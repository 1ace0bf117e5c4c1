// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package connectionsnet

import (
	"context"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/connections"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/test/network"
)

// These tests run as root. Hosts are network namespaces on one link, 192.0.2.0/24 and 2001:db8::/64, and the sync daemons are the
// kernel's own.

// patience is for an emulated machine, where one run of ip(8) takes 200 ms.
const patience = 30 * time.Second

// syncID is the directors'.
const syncID = 66

// host is one on the link.
type host struct {
	t *testing.T
	*network.Host
}

// newLink is a link without hosts.
func newLink(t *testing.T) *network.Network {
	t.Helper()
	n, err := network.New("conns")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// add adds a host with routes and settings, and no redirects: on one link they would lead packets past the director.
func add(t *testing.T, n *network.Network, name, address, routes string, settings ...string) host {
	t.Helper()
	added, err := n.AddHost(name, address+"/24")
	if err != nil {
		t.Fatal(err)
	}
	h := host{t, added}
	number := address[strings.LastIndexByte(address, '.')+1:]
	h.feed("address add 2001:db8::"+number+"/64 dev eth0\n"+routes, "ip", "-batch", "-")
	settings = append(settings, "ipv4/conf/all/rp_filter=0", "ipv4/conf/eth0/rp_filter=0",
		"ipv4/conf/all/accept_redirects=0", "ipv4/conf/eth0/accept_redirects=0", "ipv6/conf/eth0/accept_redirects=0",
		"ipv4/conf/all/send_redirects=0", "ipv4/conf/eth0/send_redirects=0")
	h.do(func() error {
		for _, setting := range settings {
			path, value, _ := strings.Cut(setting, "=")
			if err := os.WriteFile(filepath.Join("/proc/sys/net", path), []byte(value), 0o644); err != nil {
				return err
			}
		}
		return nil
	})
	return h
}

// do runs f on the host; an error ends the test.
func (h host) do(f func() error) {
	h.t.Helper()
	if err := h.Do(f); err != nil {
		h.t.Fatal(err)
	}
}

// feed runs a command on the host with an input, and returns what it prints.
func (h host) feed(input string, words ...string) string {
	h.t.Helper()
	cmd := h.Command(h.t.Context(), words...)
	cmd.Stdin = strings.NewReader(input)
	output, err := cmd.CombinedOutput()
	if err != nil {
		h.t.Fatalf("%s: %s: %v\n%s", h.Name(), strings.Join(words, " "), err, output)
	}
	return string(output)
}

func (h host) run(line string) string {
	h.t.Helper()
	return h.feed("", strings.Fields(line)...)
}

// direct gives the host services, and takes them away at the end: the kernel lists the services of all namespaces by their place in
// one table.
func (h host) direct(rules string) {
	h.t.Helper()
	h.feed(rules, "ipvsadm", "-R")
	h.t.Cleanup(func() { _ = h.Command(context.WithoutCancel(h.t.Context()), "ipvsadm", "-C").Run() })
}

// listen starts the kernel's backup daemon.
func (h host) listen(d ipvs.Daemon) {
	h.t.Helper()
	d.State = ipvs.Backup
	h.run("ipvsadm " + d.String())
}

// identity is what tells an entry from all others.
type identity struct {
	protocol        ipvs.Protocol
	client, virtual netip.AddrPort
}

// table is the host's connection table.
func (h host) table() map[identity]connections.Connection {
	h.t.Helper()
	entries := map[identity]connections.Connection{}
	h.do(func() error {
		return Each(h.t.Context(), func(c connections.Connection) bool {
			entries[identity{c.Protocol, c.Client, c.Virtual}] = c
			return true
		})
	})
	return entries
}

// send sends connections from the host as its master daemon would.
func (h host) send(d ipvs.Daemon, all map[identity]connections.Connection, details func(connections.Connection) connections.Details) {
	h.t.Helper()
	h.do(func() error {
		s, err := Open(d, time.Sleep)
		if err != nil {
			return err
		}
		defer s.Close()
		for c := range maps.Values(all) {
			if err := s.Send(c, details(c)); err != nil {
				return err
			}
		}
		if err := s.Flush(); err != nil {
			return err
		}
		if s.Sent() != len(all) {
			h.t.Errorf("%d connections went out, want %d", s.Sent(), len(all))
		}
		return nil
	})
}

// awaits waits until the host's table is as large.
func (h host) awaits(want int) map[identity]connections.Connection {
	h.t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	deadline := time.After(patience)
	for {
		entries := h.table()
		if len(entries) >= want {
			return entries
		}
		select {
		case <-again.C:
		case <-deadline:
			h.t.Fatalf("%s has %d connections, want %d", h.Name(), len(entries), want)
		}
	}
}

// shown is what ipvsadm lists of the host's connections, without the time that is left.
func (h host) shown() map[string]bool {
	h.t.Helper()
	lines := map[string]bool{}
	for line := range strings.Lines(h.run("ipvsadm -L -c -n")) {
		// pro expire state source virtual destination
		if fields := strings.Fields(line); len(fields) == 6 && fields[0] != "pro" {
			lines[strings.Join(append(fields[:1], fields[2:]...), " ")] = true
		}
	}
	return lines
}
