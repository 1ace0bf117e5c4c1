// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package vrrpnet

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// The lab is two directors and a switch, each a network namespace, so that one director's link can fail alone. It needs
// root, iproute2, tcpdump and, for two tests, keepalived.

const (
	patience = 10 * time.Second
	// slack is what a busy or emulated machine may add to a timer; there one run of ip(8) takes 200 ms. It is less than what
	// tells a takeover after priority 0 from one after a death at the interval of these tests.
	slack = 400 * time.Millisecond
)

var (
	vip  = netip.MustParseAddr("192.0.2.200")
	labs atomic.Int32
	unit = 200 * time.Millisecond
)

type host struct {
	t       *testing.T
	ns      string
	addr    string
	threads *Threads
	// switched is the switch that eth0 leads to, and port the switch's end.
	switched *host
	port     string
}

// newLab returns master at 192.0.2.114 and brucelee at 192.0.2.112, each with the interface eth0.
func newLab(t *testing.T) (master, brucelee *host) {
	t.Helper()
	id := fmt.Sprintf("vrrp%d-%d", os.Getpid(), labs.Add(1))
	master = &host{t: t, ns: id + "m", addr: "192.0.2.114"}
	brucelee = &host{t: t, ns: id + "b", addr: "192.0.2.112"}
	wire := &host{t: t, ns: id + "s"}
	wire.create()
	wire.ip("link add switch type bridge")
	wire.ip("link set switch up")
	for i, h := range []*host{master, brucelee} {
		h.create()
		h.plugInto(wire, fmt.Sprint("port", i))
	}
	for _, h := range []*host{master, brucelee} {
		eventually(t, "the link-local address can be used", func() bool {
			shown := h.ip("-6 addr show dev eth0 scope link")
			return strings.Contains(shown, "fe80") && !strings.Contains(shown, "tentative")
		})
	}
	return master, brucelee
}

// create makes the host's namespace.
func (h *host) create() {
	h.t.Helper()
	h.threads = NewThreads(h.enter)
	run(h.t, "ip", "netns", "add", h.ns)
	h.t.Cleanup(func() { run(h.t, "ip", "netns", "del", h.ns) })
	h.ip("link set lo up")
}

// plugInto connects the host's eth0 with a port of the switch.
func (h *host) plugInto(wire *host, port string) {
	h.t.Helper()
	h.switched, h.port = wire, port
	run(h.t, "ip", "link", "add", port, "netns", wire.ns, "type", "veth", "peer", "name", "eth0", "netns", h.ns)
	wire.ip("link set " + port + " master switch up")
	h.ip("addr add " + h.addr + "/24 dev eth0")
	h.ip("link set eth0 up")
}

// source is the address that the host sends VRRP of the family from.
func (h *host) source(family netip.Addr) netip.Addr {
	h.t.Helper()
	if family.Is4() {
		return netip.MustParseAddr(h.addr)
	}
	for _, word := range strings.Fields(h.ip("-6 addr show dev eth0 scope link")) {
		if prefix, err := netip.ParsePrefix(word); err == nil {
			return prefix.Addr()
		}
	}
	h.t.Fatalf("%s has no link-local address", h.ns)
	return netip.Addr{}
}

func run(t *testing.T, words ...string) string {
	t.Helper()
	out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(words, " "), err, out)
	}
	return string(out)
}

func (h *host) ip(line string) string {
	h.t.Helper()
	return run(h.t, append([]string{"ip", "-n", h.ns}, strings.Fields(line)...)...)
}

// enter brings the calling thread into the host's network namespace.
func (h *host) enter() error {
	ns, err := netns.GetFromName(h.ns)
	if err != nil {
		return err
	}
	defer func() { _ = ns.Close() }()
	return netns.Set(ns)
}

// do calls f on a thread of the host. Sockets that f opens are the host's, whoever uses them.
func (h *host) do(f func() error) {
	h.t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlock: the thread is on the host
		err := h.enter()
		if err == nil {
			err = f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		h.t.Fatalf("on %s: %v", h.ns, err)
	}
}

// links reaches the host's links and addresses faster than ip(8), which takes its time on an emulated machine.
func (h *host) links() *netlink.Handle {
	h.t.Helper()
	ns, err := netns.GetFromName(h.ns)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = ns.Close() }()
	handle, err := netlink.NewHandleAt(ns, unix.NETLINK_ROUTE)
	if err != nil {
		h.t.Fatalf("reach the links of %s: %v", h.ns, err)
	}
	h.t.Cleanup(handle.Close)
	return handle
}

// link is a link of the host.
func (h *host) link(name string) netlink.Link {
	h.t.Helper()
	found, err := h.links().LinkByName(name)
	if err != nil {
		h.t.Fatalf("find %s of %s: %v", name, h.ns, err)
	}
	return found
}

// config is a director of virtual router 66, version 3 every 50 ms.
func config(priority uint8) vrrp.Config {
	return vrrp.Config{Version: vrrp.Version3, VRID: 66, Priority: priority, Interval: unit, Preempt: true,
		Addresses: []netip.Addr{vip}}
}

// watched is a runner whose transitions can be waited for.
type watched struct {
	*Runner
	t      *testing.T
	host   *host
	states chan change
}

type change struct {
	state vrrp.State
	at    time.Time
}

func (h *host) start(c vrrp.Config, options ...func(*Options)) *watched {
	h.t.Helper()
	w := &watched{t: h.t, host: h, states: make(chan change, 1000)}
	o := Options{Interface: "eth0", Config: c,
		OnTransition: func(s vrrp.State) []netip.Addr { w.states <- change{s, time.Now()}; return nil }}
	for _, option := range options {
		option(&o)
	}
	runner, err := h.threads.Start(o)
	if err != nil {
		h.t.Fatal(err)
	}
	w.Runner = runner
	h.t.Cleanup(w.kill)
	return w
}

// await returns when the runner came into the state, which must be the very next one.
func (w *watched) await(want vrrp.State) time.Time {
	w.t.Helper()
	select {
	case c := <-w.states:
		if c.state != want {
			w.t.Fatalf("%s became %s, want %s", w.host.addr, c.state, want)
		}
		return c.at
	case <-time.After(patience):
		w.t.Fatalf("%s is still %s (fault %v, %+v), want %s", w.host.addr, w.State(), w.Fault(), w.Stats(), want)
	}
	return time.Time{}
}

// kill ends the runner as kill -9 would: without a word.
func (w *watched) kill() {
	w.thread.mail.post(func(time.Time) { w.router.giveUp() })
	<-w.router.finished
}

func (w *watched) stop() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.Stop(ctx); err != nil {
		w.t.Fatal(err)
	}
}

// steady fails if the runner changes its state within the duration.
func (w *watched) steady(d time.Duration) {
	w.t.Helper()
	select {
	case c := <-w.states:
		w.t.Fatalf("%s became %s, want it to stay %s", w.host.addr, c.state, w.State())
	case <-time.After(d):
	}
}

// inTime is asked before a test fails for what took too long. It skips the test where a director's timer was served later than a hand-over
// may take: an overloaded machine is a worse link than the test's, and measures itself.
func inTime(t *testing.T, directors ...*watched) {
	t.Helper()
	for _, d := range directors {
		if late := d.Stats().MaxLateness; late > crossing {
			t.Skipf("this machine served a timer of %s %s late: try again on one that has time", d.host.addr, late.Round(time.Millisecond))
		}
	}
}

// eventually asks again until the answer is yes.
func eventually(t *testing.T, what string, ask func() bool) {
	t.Helper()
	eventuallyWithin(t, patience, what, ask)
}

func eventuallyWithin(t *testing.T, patience time.Duration, what string, ask func() bool) {
	t.Helper()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	deadline := time.After(patience)
	for !ask() {
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("never happened: %s", what)
		}
	}
}

// within fails if a duration is not in the bounds, slack added.
func within(t *testing.T, what string, d, low, high time.Duration) {
	t.Helper()
	t.Logf("%s: %s (RFC 9568 6.1 allows up to %s)", what, d.Round(10*time.Microsecond), high)
	if d < low || d > high+slack {
		t.Errorf("%s took %s, want %s to %s", what, d, low, high)
	}
}

func skew(priority uint8, interval time.Duration) time.Duration {
	return time.Duration(256-int(priority)) * interval / 256
}
