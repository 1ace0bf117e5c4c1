// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"slices"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// addressesReady answers Runner.Announce. Before it, no ARP is sent: RFC 9568 section 8.1.2 delays gratuitous ARP until
// the address is configured.
func (l *loop) addressesReady(now time.Time) {
	if l.instance.State() != vrrp.Active {
		return
	}
	l.ready = true
	l.startAnnouncing(now)
}

// startAnnouncing does nothing on an interface without Ethernet addresses, where there is no ARP.
func (l *loop) startAnnouncing(now time.Time) {
	if l.arp == nil || !l.link.ethernet {
		return
	}
	l.announcer.start(now, slices.Clone(l.instance.Config().Addresses))
}

// announce sends what is due, a batch a turn; the rest follows in the next turn, after packets and timers.
func (l *loop) announce(now time.Time) {
	for range announceBatch {
		address, ok := l.announcer.take(now)
		if !ok || l.arp == nil {
			return
		}
		if err := l.arp.announce(l.link.hardware, address); err != nil {
			l.counters.sendFailed(err)
			continue
		}
		l.counters.announced.Add(1)
	}
}
