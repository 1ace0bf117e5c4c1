// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"net/netip"
	"slices"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// retryDelay is the pause before another attempt to open sockets on an interface that seemed usable.
const retryDelay = time.Second

// lookDelay is the pause before another look at an interface of which the kernel did not tell. It is short because the
// interface may be lost meanwhile, with an Active on it.
const lookDelay = 250 * time.Millisecond

// VRRP knows no faults. An Active whose link is down would go on believing in itself, with the virtual addresses on an
// interface that nobody reaches, and would come back as a second Active. So, as keepalived does with its FAULT state,
// losing the interface is a Shutdown, and its return a Start as Backup.

// linkChanged reads the kernel's messages and, if they concern the interface, looks at it anew.
func (t *thread) linkChanged(now time.Time) {
	if t.monitor.drain(t.link.index, t.concern()) {
		t.look(now)
	}
}

// concern says which addresses matter: that a source goes, and that any comes while a router has none.
func (t *thread) concern() concern {
	return concern{
		source: func(a netip.Addr) bool {
			return slices.ContainsFunc(t.routers, func(r *router) bool { return a.IsValid() && r.source == a })
		},
		wanted: slices.ContainsFunc(t.routers, func(r *router) bool { return !r.source.IsValid() }),
	}
}

// look compares the interface with what is known of it, and tells every router.
func (t *thread) look(now time.Time) {
	t.retryAt = time.Time{}
	found, err := lookUp(t.interfaces, t.name)
	if err != nil {
		t.postpone(now, err)
		return
	}
	if t.link.index != 0 && found.index != t.link.index || found.fault != nil {
		t.lose(now, found.fault)
	}
	t.link = found
	for i := len(t.routers) - 1; i >= 0; i-- {
		t.routers[i].retry(now)
	}
	t.setTimers()
}

// lose ends what runs on an interface that is not there any more, or not usable.
func (t *thread) lose(now time.Time, fault error) {
	for i := len(t.routers) - 1; i >= 0; i-- {
		t.routers[i].fail(now, fault)
	}
	t.closeSockets()
}

// postpone looks again soon at an interface of which the kernel did not tell, for want of memory or descriptors or because
// its addresses change all the time. That says nothing of the interface: an Active stays one, and sends from where it did.
// What does not run yet has to say why.
func (t *thread) postpone(now time.Time, err error) {
	t.link.untold = err
	for _, r := range t.routers {
		r.wait(err)
	}
	t.retryAt = now.Add(lookDelay)
}

// ready opens the sockets that a router of the family needs, where they are not open.
func (t *thread) ready(family netip.Addr) error {
	var err error
	raw := &t.raw[familyIndex(family)]
	if *raw == nil {
		if *raw, err = openRaw(family, t.link.index, t.name); err != nil {
			*raw = nil
			return err
		}
	}
	if t.packets == nil {
		t.packets, err = openPacket(t.link.index)
	}
	return err
}

func (t *thread) closeSockets() {
	for i, raw := range t.raw {
		if raw != nil {
			raw.close()
			t.raw[i] = nil
		}
	}
	if t.packets != nil {
		t.packets.close()
		t.packets = nil
	}
}

// retry inspects the interface for the router and, if its sockets cannot be opened, tries again later.
func (r *router) retry(now time.Time) {
	if err := r.inspect(now); err != nil {
		r.fail(now, err)
		r.retryAt = now.Add(retryDelay)
	}
}

// inspect puts what is known of the interface in force. Its error is that of opening sockets; an unusable interface is a fault,
// and no error.
func (r *router) inspect(now time.Time) error {
	r.retryAt = time.Time{}
	l := &r.thread.link
	if l.untold != nil {
		r.wait(l.untold)
		return nil //nolint:nilerr // nothing is known of the interface: the thread looks again
	}
	source, fault := netip.Addr{}, l.fault
	if fault == nil {
		source, fault = chooseSource(l.addresses, r.config, r.source)
	}
	if fault == nil && r.config.VirtualMAC && !l.ethernet {
		fault = errNoEthernet
	}
	if fault != nil {
		r.fail(now, fault)
		r.sendFrom(netip.Addr{})
		return nil
	}
	r.sendFrom(source)
	if err := r.thread.ready(r.config.Family()); err != nil {
		return err
	}
	if err := r.configure(now, r.config); err != nil {
		return err
	}
	if !r.running {
		r.begin(now)
	}
	return nil
}

// sendFrom takes over the address to send from.
func (r *router) sendFrom(source netip.Addr) {
	if source != r.source {
		r.source = source
		r.counters.source.Store(&source)
	}
}

// begin starts the instance on a usable interface.
func (r *router) begin(now time.Time) {
	r.running = true
	r.counters.fault.Store(nil)
	resume := r.resume
	r.resume = false
	r.act(now, r.instance.Start(now, resume))
}

// wait says why a router does not run yet.
func (r *router) wait(fault error) {
	if !r.running {
		r.counters.fault.Store(&fault)
	}
}

// fail ends the instance's run on the interface. The kernel sends nothing any more when the link is down or the source
// gone, so an Active's resignation reaches nobody then and is counted as a send error; the others hear its silence. A
// fault while resigning ends the wait: nobody can be heard any more. After a fault others may have the addresses, and
// there is nothing to resume.
func (r *router) fail(now time.Time, fault error) {
	r.resume = false
	if fault != nil {
		r.counters.fault.Store(&fault)
	}
	r.act(now, r.instance.Shutdown(now))
	r.running, r.lateness = false, lateness{}
	if r.resigning && !r.hasFinished() {
		r.thread.drop(r)
	}
}

// reconfigure answers Runner.Reconfigure.
func (r *router) reconfigure(now time.Time, c vrrp.Config) error {
	if err := r.configure(now, c); err != nil {
		return err
	}
	// The configuration may speak against the source in use.
	r.retry(now)
	return nil
}
