// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"time"
)

// Yield makes an Active offer its role: it resigns with priority 0 and goes on as Backup. In another state nothing happens.
//
// This input is ours; RFC 9568 resigns only to stop. To the others on the link it is a router that stops (section 6.4.3) and starts
// again (section 6.4.1): the best of them takes over after its Skew_Time. If there is none the timer brings the role back, after
// Active_Down_Interval. A router that preempts takes it back from one of lower priority, unless its own priority is lowered before.
func (i *Instance) Yield(now time.Time) Actions {
	if i.state != Active {
		return 0
	}
	i.activeInterval = i.config.Interval
	return Resign | i.becomeBackup(now, netip.Addr{})
}

// Claim makes a Backup Active at once. In another state nothing happens.
//
// This input is ours. To the others on the link it is a Backup whose Active_Down_Timer has fired (RFC 9568 section 6.4.2), as it does in
// one that did not hear the Active: a better Active answers, and sends this router back to Backup; a worse one yields (section 6.4.3).
func (i *Instance) Claim(now time.Time) Actions {
	if i.state != Backup {
		return 0
	}
	return i.becomeActive(now)
}
