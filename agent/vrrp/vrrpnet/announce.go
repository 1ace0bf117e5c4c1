// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"net/netip"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// addressesReady answers Runner.Announce. Before it, nothing is announced: RFC 9568 section 8.1.2 delays gratuitous ARP until
// the address is configured.
func (r *router) addressesReady(now time.Time, addresses []netip.Addr) {
	if r.instance.State() != vrrp.Active {
		if r.offers() {
			r.announced = addresses // for when nobody takes the role
		}
		return
	}
	r.announced = addresses
	r.startAnnouncing(now)
	r.announce(now)
}

// startAnnouncing does nothing on an interface without Ethernet addresses, where there is no ARP.
func (r *router) startAnnouncing(now time.Time) {
	if r.thread.packets == nil || !r.thread.link.ethernet || len(r.announced) == 0 {
		return
	}
	r.announcer.start(now, r.announced, r.config.Announcements.OrDefault())
}

// hardware is the address that neighbours reach the virtual addresses at, and the target of gratuitous ARP.
func (r *router) hardware() (hardware, target hardwareAddress) {
	if r.config.VirtualMAC {
		virtual := hardwareAddress(vrrp.VirtualMAC(r.config.Family(), r.config.VRID))
		return virtual, virtual
	}
	return r.thread.link.hardware, broadcast
}

// announce sends what is due, a batch a turn; the rest follows in the next turn, after packets and timers.
func (r *router) announce(now time.Time) {
	hardware, target := r.hardware()
	for range announceBatch {
		address, ok := r.announcer.take(now)
		if !ok || r.thread.packets == nil {
			return
		}
		if err := r.thread.packets.announce(hardware, target, address); err != nil {
			r.counters.sendFailed(err)
			continue
		}
		r.counters.announced.Add(1)
	}
}
