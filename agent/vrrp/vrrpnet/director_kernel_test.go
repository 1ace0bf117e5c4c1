// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package vrrpnet

import (
	"context"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// director is a host whose virtual router has a virtual MAC address, and that does what an agent does with it: what plan says, at
// each transition.
type director struct {
	*watched
	link plan.Link
	// work is carried out by a goroutine that is in the host's network namespace, until ended.
	work  chan func()
	ended chan struct{}
	end   sync.Once
	// started says that watched can be used.
	started chan struct{}
}

// direct makes a director of the host.
func (h *host) direct(c vrrp.Config) *director {
	h.t.Helper()
	c.VirtualMAC = true
	d := &director{work: make(chan func(), 100), ended: make(chan struct{}), started: make(chan struct{}), link: plan.Link{
		Name: plan.LinkName("eth0", c.VRID, c.Family().Is6()), Parent: "eth0", MAC: vrrp.VirtualMAC(c.Family(), c.VRID)}}
	opened := make(chan error)
	var k *kernel.Kernel
	go func() {
		defer close(d.ended)
		runtime.LockOSThread() // and never unlock: the thread is in the host
		err := h.enter()
		if err == nil {
			k, err = kernel.Open(kernel.ProcSys)
		}
		opened <- err
		for do := range d.work {
			do()
		}
	}()
	if err := <-opened; err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		d.halt()
		k.Close()
	})
	d.bring(k, nil)
	follow := func(o *Options) {
		heard := o.OnTransition
		o.OnTransition = func(s vrrp.State) []netip.Addr {
			heard(s)
			d.post(func() { d.follow(k, c, s) })
			return nil
		}
	}
	d.watched = h.start(c, follow)
	close(d.started)
	return d
}

// post has the host's goroutine do something; after the director's end nothing.
func (d *director) post(do func()) {
	defer func() { _ = recover() }() // the channel may be closed
	d.work <- do
}

// follow is what an agent does at a transition.
func (d *director) follow(k *kernel.Kernel, c vrrp.Config, state vrrp.State) {
	if state != vrrp.Active {
		d.reach(k, nil)
		return
	}
	d.reach(k, c.Addresses)
	<-d.started
	d.Announce(c.Addresses)
}

// bring is reach, waited for.
func (d *director) bring(k *kernel.Kernel, addresses []netip.Addr) {
	done := make(chan struct{})
	d.post(func() {
		defer close(done)
		d.reach(k, addresses)
	})
	<-done
}

// reach brings the kernel to the link with these addresses. What goes wrong shows in what the host does then.
func (d *director) reach(k *kernel.Kernel, addresses []netip.Addr) {
	in := plan.In{Links: []plan.Link{d.link}, Forwarding: []ipvs.Family{ipvs.IPv4, ipvs.IPv6}}
	for _, address := range addresses {
		in.DirectorAddresses = append(in.DirectorAddresses, plan.InterfaceAddress{Interface: d.link.Name, Address: address})
	}
	actual, err := k.Read(context.Background(), kernel.Query{Links: true, LinkNames: []string{d.link.Name}, Sysctls: in.Sysctls()})
	if err == nil {
		in.Actual = actual
		k.Apply(context.Background(), plan.Plan(in).All())
	}
}

// halt ends the agent; its kernel stays as it is.
func (d *director) halt() {
	d.end.Do(func() { close(d.work) })
	<-d.ended
}

// die is what others see of a director that loses its power.
func (d *director) die() {
	d.kill()
	d.halt()
	d.host.unplug()
}

// leave is a planned stop: it resigns, and is off the link when another has taken over.
func (d *director) leave() {
	d.t.Helper()
	d.stop()
	d.host.ip("link set dev " + d.link.Name + " down")
	d.halt()
}

func (h *host) unplug() { h.switched.ip("link set " + h.port + " down") }

func (h *host) plug() { h.switched.ip("link set " + h.port + " up") }

// part and rejoin divide the switch, so that the host hears nobody though its interface is up, and put it together again.
func (h *host) part() { h.switched.ip("link set " + h.port + " nomaster") }

func (h *host) rejoin() { h.switched.ip("link set " + h.port + " master switch") }

// join adds a host to the switch of this one.
func (h *host) join(name, address string) *host {
	h.t.Helper()
	added := &host{t: h.t, ns: h.ns[:len(h.ns)-1] + name, addr: address}
	run(h.t, "ip", "netns", "add", added.ns)
	h.t.Cleanup(func() { run(h.t, "ip", "netns", "del", added.ns) })
	run(h.t, "ip", "link", "add", "port"+name, "netns", h.switched.ns, "type", "veth", "peer", "name", "eth0", "netns", added.ns)
	h.switched.ip("link set port" + name + " master switch up")
	added.ip("link set lo up")
	added.ip("addr add " + address + "/24 dev eth0")
	added.ip("link set eth0 up")
	return added
}

// in does something in the host's network namespace.
func (h *host) in(do func()) {
	h.t.Helper()
	entered := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlock: the thread is in the host
		err := h.enter()
		if err == nil {
			do()
		}
		entered <- err
	}()
	if err := <-entered; err != nil {
		h.t.Fatal(err)
	}
}

// knows is the hardware address that the host has for an address.
func (h *host) knows(address netip.Addr) string {
	h.t.Helper()
	words := strings.Fields(h.ip("neigh show " + address.String() + " dev eth0"))
	if at := slices.Index(words, "lladdr"); at >= 0 {
		return words[at+1]
	}
	return ""
}

// restAfter is long enough for what a change of the Active stirs up, announcements included.
const restAfter = time.Second
