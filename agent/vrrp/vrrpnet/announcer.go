// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"net/netip"
	"time"
)

const (
	// announceRepeat is how often each address is announced in one burst, keepalived's garp_master_repeat.
	announceRepeat = 5
	// announceBursts is the number of bursts.
	announceBursts = 2
	// announceDelay lies between the first and the second burst, keepalived's garp_master_delay.
	announceDelay = 5 * time.Second
)

// announcer says which address is to be announced when. All addresses come once before any comes again, so that the
// last of many does not wait for the repetitions of the first.
type announcer struct {
	addresses []netip.Addr
	sent      int // in this burst
	bursts    int // that are left, this one included
	next      time.Time
}

// start begins anew, with the first burst now. The addresses must not change until stop.
func (a *announcer) start(now time.Time, addresses []netip.Addr) {
	*a = announcer{addresses: addresses, bursts: announceBursts, next: now}
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
	if a.sent == announceRepeat*len(a.addresses) {
		a.endBurst(now)
	}
	return address, true
}

func (a *announcer) endBurst(now time.Time) {
	a.bursts--
	if a.bursts == 0 {
		a.stop()
		return
	}
	a.sent = 0
	a.next = now.Add(announceDelay)
}
