// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
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
func (l *loop) linkChanged(now time.Time) {
	if l.monitor.drain(l.link.index, l.link.source) {
		l.retry(now)
	}
}

// retry looks at the interface and, if its sockets cannot be opened, tries again later.
func (l *loop) retry(now time.Time) {
	if err := l.inspect(now); err != nil {
		l.fail(now, err)
		l.retryAt = now.Add(retryDelay)
	}
}

// inspect compares the interface with what is open. Its error is that of opening sockets; an unusable interface is a
// fault, and no error.
func (l *loop) inspect(now time.Time) error {
	l.retryAt = time.Time{}
	found, err := lookUp(l.interfaces, l.options.Interface, l.config, l.link.source)
	if err != nil {
		l.postpone(now, err)
		return nil // what the kernel does not tell is asked again, and is no error
	}
	usable := found.fault == nil
	if !usable || (l.raw != nil && found.index != l.link.index) {
		l.fail(now, found.fault)
	}
	l.link = found
	if !usable {
		return nil
	}
	if err := l.useSource(now); err != nil {
		return err
	}
	if l.raw == nil {
		return l.begin(now)
	}
	return nil
}

// postpone looks again soon at an interface of which the kernel did not tell, for want of memory or descriptors or because
// its addresses change all the time. That says nothing of the interface: an Active stays one, and sends from where it did.
// What does not run yet has to say why.
func (l *loop) postpone(now time.Time, err error) {
	if l.raw == nil {
		l.counters.fault.Store(&err)
	}
	l.retryAt = now.Add(lookDelay)
}

// useSource puts the configuration with the interface's address in force.
func (l *loop) useSource(now time.Time) error {
	c := l.config
	c.Source = l.link.source
	if l.raw != nil && c.Source != l.instance.Config().Source {
		if err := l.raw.setSource(c.Source); err != nil {
			return err
		}
	}
	actions, err := l.instance.Reconfigure(now, c)
	if err != nil {
		return err
	}
	l.act(now, actions)
	return nil
}

// begin opens the sockets on a usable interface and starts the instance.
func (l *loop) begin(now time.Time) error {
	var err error
	l.raw, err = openRaw(l.link.index, l.options.Interface, l.config.VRID, l.link.source)
	if err != nil {
		return err
	}
	if l.arp, err = openARP(l.link.index); err != nil {
		l.closeSockets()
		return err
	}
	l.counters.fault.Store(nil)
	resume := l.resume
	l.resume = false
	l.act(now, l.instance.Start(now, resume))
	return nil
}

// fail ends the instance's run on the interface. The kernel sends nothing any more when the link is down or the source
// gone, so an Active's resignation reaches nobody then and is counted as a send error; the others hear its silence. A
// fault while resigning ends the wait: nobody can be heard any more. After a fault others may have the addresses, and
// there is nothing to resume.
func (l *loop) fail(now time.Time, fault error) {
	l.resume = false
	if fault != nil {
		l.counters.fault.Store(&fault)
	}
	l.act(now, l.instance.Shutdown(now))
	l.closeSockets()
	if l.resigning {
		l.halt()
	}
}

func (l *loop) closeSockets() {
	if l.raw != nil {
		l.raw.close()
		l.raw = nil
	}
	if l.arp != nil {
		l.arp.close()
		l.arp = nil
	}
}

// reconfigure answers Runner.Reconfigure.
func (l *loop) reconfigure(now time.Time, c vrrp.Config) error {
	given := c
	if !c.Source.IsValid() {
		c.Source = l.instance.Config().Source
	}
	actions, err := l.instance.Reconfigure(now, c)
	if err != nil {
		return err
	}
	l.config = given
	l.act(now, actions)
	if l.sourceInDoubt() {
		l.retry(now)
	}
	return nil
}

// sourceInDoubt reports whether the configuration speaks against the source in use.
func (l *loop) sourceInDoubt() bool {
	if l.config.Source.IsValid() {
		return l.config.Source != l.link.source
	}
	return l.config.Priority != vrrp.PriorityOwner && slices.Contains(l.config.Addresses, l.link.source)
}
