// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"time"
)

// mostFarewells is how often an Active that yields says so, until it is answered.
const mostFarewells = 5

// yield makes an Active follow the better one at src (RFC 9568 section 6.4.3), but not without a word. The better one may not know
// that there were two: the first packet that a healed link carries may be its own, or what we said is lost. Hosts that learnt our MAC
// address would then keep it, and find nobody there. Our last advertisement has the better one announce again (see assert). The
// others cannot tell it from that of an Active whose timer fired a moment earlier.
func (i *Instance) yield(now time.Time, src netip.Addr) Actions {
	actions := i.becomeBackup(now, src)
	i.farewells = mostFarewells
	return actions | i.farewell(now)
}

// farewell says once more that we were Active.
func (i *Instance) farewell(now time.Time) Actions {
	i.farewells--
	i.saidAt = now
	return Advertise
}

// repeatFarewell is told of each advertisement that Backup follows. A better one's soon after our farewell is the answer to it, which
// the RFC asks for at once. One after half an interval is the next regular one: the farewell or the answer was lost.
func (i *Instance) repeatFarewell(now time.Time, src netip.Addr, a *Advertisement) Actions {
	switch {
	case i.farewells == 0 || !i.losesTo(src, a):
		return 0
	case now.Sub(i.saidAt) < a.Interval/2:
		i.farewells = 0
		return 0
	}
	return i.farewell(now)
}
