// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"cmp"
	"fmt"
	"time"
)

// Announcements are how the link is told where the virtual addresses are: gratuitous ARP, and unsolicited neighbour advertisements.
// The zero value is keepalived's defaults. Where Delay is more than a second, each address is announced once more in between, a second
// after the first time: a director that yielded may have answered for it until then.
type Announcements struct {
	// Repeat is how often each address is announced at once and again after Delay: 1 to 64; 0 is 5, keepalived's
	// garp_master_repeat.
	Repeat uint8
	// Delay lies between the two times, up to 300 s; 0 is 5 s, keepalived's garp_master_delay.
	Delay time.Duration
	// Refresh is the time after which each address is announced once more, and again and again, 1 s to 24 h; 0: never, as
	// keepalived's garp_master_refresh.
	Refresh time.Duration
}

// OrDefault puts the defaults in the place of zeros.
func (a Announcements) OrDefault() Announcements {
	a.Repeat, a.Delay = cmp.Or(a.Repeat, 5), cmp.Or(a.Delay, 5*time.Second)
	return a
}

func (a Announcements) validate() error {
	const mostRepeat, longestDelay, longestRefresh = 64, 300 * time.Second, 24 * time.Hour
	switch {
	case a.Repeat > mostRepeat:
		return fmt.Errorf("announcements repeated %d times: want 1 to %d", a.Repeat, mostRepeat)
	case a.Delay < 0 || a.Delay > longestDelay:
		return fmt.Errorf("announcements repeated after %s: want at most %s", a.Delay, longestDelay)
	case a.Refresh != 0 && (a.Refresh < time.Second || a.Refresh > longestRefresh):
		return fmt.Errorf("announcements refreshed each %s: want 1s to %s, or 0 for never", a.Refresh, longestRefresh)
	}
	return nil
}
