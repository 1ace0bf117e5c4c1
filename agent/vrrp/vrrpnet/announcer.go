// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"net/netip"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// announceBursts is the number of bursts of repeated announcements.
const announceBursts = 2

// announcer says which address is to be announced when. All addresses come once before any comes again, so that the
// last of many does not wait for the repetitions of the first.
type announcer struct {
	addresses []netip.Addr
	how       vrrp.Announcements
	sent      int // in this burst
	bursts    int // that are left, this one included; none: it refreshes
	next      time.Time
}

// start begins anew, with the first burst now. The addresses must not change until stop.
func (a *announcer) start(now time.Time, addresses []netip.Addr, how vrrp.Announcements) {
	*a = announcer{addresses: addresses, how: how, bursts: announceBursts, next: now}
}

func (a *announcer) stop() { *a = announcer{} }

// deadline is when take has something next; the zero time says never.
func (a *announcer) deadline() time.Time { return a.next }

// take returns the address to announce now, if there is one.
func (a *announcer) take(now time.Time) (netip.Addr, bool) {
	if a.next.IsZero() || now.Before(a.next) {
		return netip.Addr{}, false
	}
	address := a.addresses[a.sent%len(a.addresses)]
	a.sent++
	repeat := int(a.how.Repeat)
	if a.bursts == 0 {
		repeat = 1
	}
	if a.sent == repeat*len(a.addresses) {
		a.endBurst(now)
	}
	return address, true
}

func (a *announcer) endBurst(now time.Time) {
	a.sent = 0
	a.bursts = max(0, a.bursts-1)
	switch {
	case a.bursts > 0:
		a.next = now.Add(a.how.Delay)
	case a.how.Refresh > 0:
		a.next = now.Add(a.how.Refresh)
	default:
		a.stop()
	}
}
