// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// node is what a kernel in memory tells of eth0.
type node struct {
	linkError, addressError error
	// interrupted is how many of the next lists of addresses change while they are read.
	interrupted int
	lists       int
	down        bool
	on          []linkAddress
}

func (n *node) LinkByName(name string) (netlink.Link, error) {
	if n.linkError != nil {
		return nil, n.linkError
	}
	attributes := netlink.LinkAttrs{Name: name, Index: 7, Flags: net.FlagUp | net.FlagRunning}
	if n.down {
		attributes.Flags = net.FlagUp
	}
	return &netlink.Dummy{LinkAttrs: attributes}, nil
}

func (n *node) addresses(netlink.LinkAttrs) ([]linkAddress, error) {
	n.lists++
	if n.interrupted > 0 {
		n.interrupted--
		return nil, nl.ErrDumpInterrupted
	}
	return n.on, n.addressError
}

// activeOn is an Active on eth0 of the node, sending from 192.0.2.114, and its thread. Its sockets send nothing.
func activeOn(t *testing.T, n *node, now time.Time) (*thread, *router) {
	t.Helper()
	return activeWith(t, n, now, vrrp.Config{Version: vrrp.Version3, VRID: 66, Priority: 100, Interval: time.Second, Preempt: true,
		Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.200")}})
}

// activeWith is the same with another configuration; over IPv6 it sends from fe80::114.
func activeWith(t *testing.T, n *node, now time.Time, c vrrp.Config) (*thread, *router) {
	t.Helper()
	instance, err := vrrp.NewInstance(c)
	if err != nil {
		t.Fatal(err)
	}
	th := newThread("eth0", nil)
	th.interfaces = n
	th.raw[familyIndex(c.Family())], th.packets = &rawSocket{fd: -1, index: 7, in: newPacketBatch()}, &packetSocket{fd: -1}
	n.on = []linkAddress{primary("192.0.2.114"), primary("fe80::114")}
	r := newRouter(th, Options{Interface: "eth0", Config: c, Resume: true}, instance)
	if err := th.take(r); err != nil {
		t.Fatal(err)
	}
	th.look(now)
	if r.instance.State() != vrrp.Active {
		t.Fatalf("state %s", r.instance.State())
	}
	n.lists = 0
	return th, r
}

func TestAnActiveStaysOneWhileTheKernelCannotTellOfItsInterface(t *testing.T) {
	for _, c := range []struct {
		name  string
		upset func(*node)
	}{
		{"no descriptors left", func(n *node) { n.linkError = unix.EMFILE }},
		{"no memory for the interface", func(n *node) { n.linkError = unix.ENOBUFS }},
		{"interrupted", func(n *node) { n.addressError = unix.EINTR }},
		{"no memory for the addresses", func(n *node) { n.addressError = fmt.Errorf("receive: %w", unix.ENOBUFS) }},
		{"addresses that never rest", func(n *node) { n.interrupted = 1 << 20 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := time.Now()
			n := &node{}
			l, r := activeOn(t, n, now)
			c.upset(n)
			l.look(now)
			if r.instance.State() != vrrp.Active || r.counters.fault.Load() != nil || l.raw[0] == nil {
				t.Fatalf("state %s, fault %v, want an Active without a fault", r.instance.State(), r.counters.fault.Load())
			}
			if l.link.index != 7 || r.source.String() != "192.0.2.114" || r.instance.Config().Source != r.source {
				t.Errorf("it sends from %s, want 192.0.2.114 still", r.source)
			}
			if n.lists > dumpTries {
				t.Errorf("the addresses were asked for %d times at once", n.lists)
			}
			if pause := l.retryAt.Sub(now); pause < 100*time.Millisecond || pause > time.Second {
				t.Fatalf("next look in %s, want soon", pause)
			}

			again := l.retryAt
			l.tick(again)
			if r.instance.State() != vrrp.Active || !l.retryAt.After(again) {
				t.Errorf("the second look: state %s, next one at %s", r.instance.State(), l.retryAt)
			}

			*n = node{on: n.on}
			l.tick(l.retryAt)
			if r.instance.State() != vrrp.Active || !l.retryAt.IsZero() {
				t.Errorf("when the kernel tells again: state %s, next look at %s, want none", r.instance.State(), l.retryAt)
			}
		})
	}
}

func TestAnInterruptedListIsAskedForAgain(t *testing.T) {
	now := time.Now()
	n := &node{}
	l, _ := activeOn(t, n, now)
	n.interrupted = dumpTries - 1
	l.look(now)
	if !l.retryAt.IsZero() || n.lists != dumpTries {
		t.Errorf("%d lists, next look at %s, want the last list to do", n.lists, l.retryAt)
	}
}

func TestOnlyALostInterfaceIsAFault(t *testing.T) {
	for _, c := range []struct {
		name string
		lose func(*node)
		want error
	}{
		{"it is deleted", func(n *node) { n.linkError = netlink.LinkNotFoundError{} }, errNoLink},
		{"it loses its carrier", func(n *node) { n.down = true }, errLinkDown},
		{"it loses its address", func(n *node) { n.on = nil }, errNoAddress},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := time.Now()
			n := &node{}
			l, r := activeOn(t, n, now)
			// That the kernel could not tell at first does not hide it for long.
			n.linkError = unix.ENOBUFS
			l.look(now)
			*n = node{on: n.on}
			c.lose(n)
			l.tick(l.retryAt)
			fault := r.counters.fault.Load()
			if r.instance.State() != vrrp.Initialize || fault == nil || !errors.Is(*fault, c.want) {
				t.Errorf("state %s, fault %v, want Initialize and %v", r.instance.State(), fault, c.want)
			}
			if !l.retryAt.IsZero() {
				t.Error("the kernel's messages tell when it is over: no timer needed")
			}
		})
	}
}

func TestARouterThatDoesNotRunYetSaysWhatTheKernelDoesNotTell(t *testing.T) {
	now := time.Now()
	n := &node{}
	l, r := activeOn(t, n, now)
	r.instance.Shutdown(now)
	r.running, r.resume = false, true
	n.linkError = unix.EMFILE
	l.look(now)
	if fault := r.counters.fault.Load(); fault == nil || (*fault).Error() != "look up interface eth0: too many open files" {
		t.Errorf("fault %v", fault)
	}
	if !r.resume || l.retryAt.IsZero() {
		t.Error("it looks again, and resumes then")
	}
}

func TestAnActiveThatRunsLateYieldsOnceAndComesBack(t *testing.T) {
	now := time.Now()
	l, r := activeOn(t, &node{}, now)
	priority := func() uint8 { return r.instance.Config().Priority }

	now = now.Add(time.Second + 1900*time.Millisecond)
	l.tick(now)
	if priority() != 100 {
		t.Fatalf("priority %d after less than two intervals of lateness", priority())
	}
	now = now.Add(time.Second + 2100*time.Millisecond)
	l.tick(now)
	if priority() != lastPriority || r.counters.yields.Load() != 1 {
		t.Fatalf("priority %d, %d yields, want %d and 1", priority(), r.counters.yields.Load(), lastPriority)
	}
	if r.instance.State() != vrrp.Active {
		t.Fatalf("state %s: nobody else is there", r.instance.State())
	}
	// Late once more: the recovery begins anew, and that is no second yield.
	now = now.Add(time.Second + 2100*time.Millisecond)
	l.tick(now)
	for range lateRecovery - 1 {
		now = now.Add(time.Second)
		l.tick(now)
	}
	if priority() != lastPriority || r.counters.yields.Load() != 1 {
		t.Errorf("priority %d, %d yields before the recovery is over", priority(), r.counters.yields.Load())
	}
	now = now.Add(time.Second)
	l.tick(now)
	if priority() != 100 || r.config.Priority != 100 {
		t.Errorf("priority %d after the recovery, want 100", priority())
	}
}
