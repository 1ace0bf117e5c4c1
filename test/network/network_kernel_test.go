// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package network

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lvs-operator/lvs-operator/test/network/hosttool"
	"github.com/lvs-operator/lvs-operator/test/network/traffic"
)

// TestMain makes this test's binary the hosttool of its hosts, when that is its first argument.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 || os.Args[1] != "hosttool" {
		os.Exit(m.Run())
	}
	if err := hosttool.Execute(context.Background(), os.Args[2:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// guide is a network of a client, a director and two real servers.
type guide struct {
	network                  *Network
	client, director         *Host
	realServer1, realServer2 *Host
}

func newGuide(t *testing.T) guide {
	t.Helper()
	n, err := New("ntest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		if left, _ := filepath.Glob(namespaceDir + "/ntest-*"); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	add := func(name, address string) *Host {
		h, err := n.AddHost(name, address)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	return guide{
		network: n, client: add("client", "192.0.2.10/24"), director: add("director", "192.0.2.114/24"),
		realServer1: add("rs1", "192.0.2.111/24"), realServer2: add("rs2", "192.0.2.115/24"),
	}
}

func on(t *testing.T, h *Host, line string) string {
	t.Helper()
	output, err := h.Command(t.Context(), strings.Fields(line)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %s: %v: %s", h.Name(), line, err, output)
	}
	return string(output)
}

// serve starts the server of a real server's host and waits until it listens.
func serve(t *testing.T, h *Host) *exec.Cmd {
	t.Helper()
	cmd := h.Command(t.Context(), os.Args[0], "hosttool", "serve", "-listen", ":8080", "-name", h.Name())
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Fatalf("server on %s: %q, %v", h.Name(), line, err)
	}
	return cmd
}

func poll(t *testing.T, h *Host, flags string) []traffic.Try {
	t.Helper()
	var tries []traffic.Try
	decoder := json.NewDecoder(strings.NewReader(on(t, h, os.Args[0]+" hosttool poll "+flags)))
	for decoder.More() {
		var try traffic.Try
		if err := decoder.Decode(&try); err != nil {
			t.Fatal(err)
		}
		tries = append(tries, try)
	}
	return tries
}

func TestHostsReachEachOther(t *testing.T) {
	g := newGuide(t)
	management := g.realServer2.ManagementAddress().String() + ":8080"
	if try := poll(t, g.client, "-target "+management+" -count 1 -timeout 5s")[0]; try.Failure != traffic.Refused {
		t.Errorf("management link: %+v, want the other host to refuse", try)
	}
	serve(t, g.realServer1)
	for _, try := range poll(t, g.client, "-target 192.0.2.111:8080 -count 5 -timeout 5s") {
		if try.Answer != "rs1" {
			t.Errorf("try %d: %q, %s", try.Number, try.Answer, try.Error)
		}
	}
	err := g.client.Do(func() error {
		conn, err := net.Dial("tcp", "192.0.2.111:8080")
		if err == nil {
			t.Logf("from Go code: %s", conn.LocalAddr())
			err = conn.Close()
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestTheCallersNamespaceIsLeftAsItWas(t *testing.T) {
	names := func() []string {
		interfaces, err := net.Interfaces()
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, each := range interfaces {
			names = append(names, each.Name)
		}
		return names
	}
	before := names()
	newGuide(t)
	if after := names(); !slices.Equal(before, after) {
		t.Errorf("links before %v, after %v", before, after)
	}
}

func TestSysctlsAreTheHosts(t *testing.T) {
	g := newGuide(t)
	if err := g.realServer1.Do(func() error {
		return os.WriteFile("/proc/sys/net/ipv4/conf/lo/arp_ignore", []byte("1"), 0o644)
	}); err != nil {
		t.Fatal(err)
	}
	for host, want := range map[*Host]string{g.realServer1: "1\n", g.realServer2: "0\n"} {
		if got := on(t, host, "cat /proc/sys/net/ipv4/conf/lo/arp_ignore"); got != want {
			t.Errorf("arp_ignore on %s is %q, want %q", host.Name(), got, want)
		}
	}
}

func TestDirectRoutingServiceMadeByHand(t *testing.T) {
	g := newGuide(t)
	for _, realServer := range []*Host{g.realServer1, g.realServer2} {
		serve(t, realServer)
		for _, sysctl := range []string{"lo/arp_ignore", "all/arp_ignore"} {
			writeSysctl(t, realServer, sysctl, "1")
		}
		for _, sysctl := range []string{"lo/arp_announce", "all/arp_announce"} {
			writeSysctl(t, realServer, sysctl, "2")
		}
		on(t, realServer, "ip addr add 192.0.2.200/32 dev lo")
	}
	on(t, g.director, "ip addr add 192.0.2.200/32 dev eth0")
	on(t, g.director, "ipvsadm -A -t 192.0.2.200:8080 -s wrr")
	on(t, g.director, "ipvsadm -a -t 192.0.2.200:8080 -r 192.0.2.111 -g -w 3")
	on(t, g.director, "ipvsadm -a -t 192.0.2.200:8080 -r 192.0.2.115 -g -w 1")
	counts := map[string]int{}
	for _, try := range poll(t, g.client, "-target 192.0.2.200:8080 -every 20ms -count 40 -timeout 5s") {
		counts[try.Answer+string(try.Failure)]++
	}
	if counts["rs1"] != 30 || counts["rs2"] != 10 {
		t.Errorf("spread %v, want 30 and 10", counts)
	}
}

func writeSysctl(t *testing.T, h *Host, name, value string) {
	t.Helper()
	if err := h.Do(func() error {
		return os.WriteFile("/proc/sys/net/ipv4/conf/"+name, []byte(value), 0o644)
	}); err != nil {
		t.Fatal(err)
	}
}

func TestPollTellsALinkThatIsDownFromAServerThatIs(t *testing.T) {
	g := newGuide(t)
	server := serve(t, g.realServer1)
	last := func(flags string) traffic.Try {
		tries := poll(t, g.client, "-target 192.0.2.111:8080 "+flags)
		return tries[len(tries)-1]
	}
	if try := last("-count 1 -timeout 5s"); try.Answer != "rs1" {
		t.Fatalf("before: %+v", try)
	}
	if err := g.realServer1.LinkDown(); err != nil {
		t.Fatal(err)
	}
	if carrier := on(t, g.realServer1, "ip -o link show eth0"); !strings.Contains(carrier, "NO-CARRIER") {
		t.Errorf("host with its plug pulled sees %s", carrier)
	}
	if try := last("-count 3 -every 100ms -timeout 500ms"); try.Failure != traffic.Timeout {
		t.Errorf("link down: %+v, want a timeout", try)
	}
	if err := g.realServer1.LinkUp(); err != nil {
		t.Fatal(err)
	}
	if try := last("-count 1 -timeout 10s"); try.Answer != "rs1" {
		t.Errorf("link up again: %+v", try)
	}
	if err := server.Cancel(); err != nil {
		t.Fatal(err)
	}
	_ = server.Wait()
	if try := last("-count 1 -timeout 5s"); try.Failure != traffic.Refused {
		t.Errorf("server killed: %+v, want it refused", try)
	}
}

func TestProxyLeadsOutOfTheNetwork(t *testing.T) {
	g := newGuide(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = traffic.Serve(t.Context(), listener, "api") }()
	proxy, err := g.network.Proxy(ManagementAddress+":6443", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	const flags = "-target " + ManagementAddress + ":6443 -count 1 -timeout 5s"
	if try := poll(t, g.director, flags)[0]; try.Answer != "api" {
		t.Errorf("through the proxy: %+v", try)
	}
	proxy.Cut()
	if try := poll(t, g.director, flags)[0]; try.Failure != traffic.Refused {
		t.Errorf("cut: %+v", try)
	}
	if err := proxy.Restore(); err != nil {
		t.Fatal(err)
	}
	if try := poll(t, g.director, flags)[0]; try.Answer != "api" {
		t.Errorf("restored: %+v", try)
	}
}

func TestLeftoversOfACrashAreRemovedAndOthersAreNot(t *testing.T) {
	for _, namespace := range []string{"ntest-gone", "other-host"} {
		if output, err := exec.Command("ip", "netns", "add", namespace).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
	}
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "delete", "other-host").Run() })
	orphan := exec.Command("ip", "netns", "exec", "ntest-gone", "sleep", "600")
	if err := orphan.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- orphan.Wait() }()
	waitFor(t, func() bool {
		pids, _ := exec.Command("ip", "netns", "pids", "ntest-gone").Output()
		return len(pids) > 0
	})
	g := newGuide(t)
	if err := <-ended; err == nil {
		t.Error("the process of the crashed run was left alone")
	}
	if _, err := os.Stat(namespaceDir + "/ntest-gone"); err == nil {
		t.Error("the namespace of the crashed run is left")
	}
	if _, err := os.Stat(namespaceDir + "/other-host"); err != nil {
		t.Errorf("a namespace of somebody else's: %v", err)
	}
	if _, err := New("ntest"); err == nil || !strings.Contains(err.Error(), "another process uses this prefix") {
		t.Errorf("the same prefix again: %v", err)
	}
	if _, err := g.network.AddHost("hub", "192.0.2.1/24"); err == nil {
		t.Error("a host took the hub's name")
	}
}

// waitFor looks a bounded number of times, for a condition that another process brings about in milliseconds.
func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	for range 1000 {
		if condition() {
			return
		}
	}
	t.Fatal("did not happen")
}
