// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"net/netip"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// confirmAfter is when each address is announced once more after the first burst: a director that yielded has let go of the
// addresses by then, and a client that asked meanwhile may have had two answers.
const confirmAfter = time.Second

// round is one of the times at which all addresses are announced.
type round int

const (
	firstBurst round = iota
	confirmation
	secondBurst
	refresh
)

// announcer says which address is to be announced when. All addresses come once before any comes again, so that the
// last of many does not wait for the repetitions of the first.
type announcer struct {
	addresses []netip.Addr
	how       vrrp.Announcements
	round     round
	sent      int // in this round
	next      time.Time
}

// start begins anew, with the first burst now. The addresses must not change until stop.
func (a *announcer) start(now time.Time, addresses []netip.Addr, how vrrp.Announcements) {
	*a = announcer{addresses: addresses, how: how, next: now}
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
	repeat := 1
	if a.round == firstBurst || a.round == secondBurst {
		repeat = int(a.how.Repeat)
	}
	if a.sent == repeat*len(a.addresses) {
		a.endRound(now)
	}
	return address, true
}

func (a *announcer) endRound(now time.Time) {
	a.sent = 0
	switch {
	case a.round == firstBurst && a.how.Delay > confirmAfter:
		a.round, a.next = confirmation, now.Add(confirmAfter)
	case a.round == firstBurst:
		a.round, a.next = secondBurst, now.Add(a.how.Delay)
	case a.round == confirmation:
		a.round, a.next = secondBurst, now.Add(a.how.Delay-confirmAfter)
	case a.how.Refresh > 0:
		a.round, a.next = refresh, now.Add(a.how.Refresh)
	default:
		a.stop()
	}
}
