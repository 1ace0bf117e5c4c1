// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health"
)

func TestFewTargetsAreCheckedAtOnce(t *testing.T) {
	target := health.Target{Address: netip.MustParseAddrPort("192.0.2.10:80"), Spec: tutorial}
	for _, starting := range []int{1, health.Few} {
		if got := health.Jitter(target, starting); got != 0 {
			t.Errorf("one of %d waits %v, want 0", starting, got)
		}
	}
}

func TestManyTargetsAreSpreadEvenlyAndWithinTheirInterval(t *testing.T) {
	for _, tc := range []struct {
		name     string
		starting int
		interval time.Duration
		window   time.Duration
	}{
		{"1,000 within half a second", 1000, 6 * time.Second, 500 * time.Millisecond},
		{"10,000 within five seconds", 10000, 6 * time.Second, 5 * time.Second},
		{"10,000 within their interval of one second", 10000, time.Second, time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			spec := tutorial
			spec.Interval = tc.interval
			var tenths [10]int
			address := netip.MustParseAddr("192.0.2.0")
			for i := range tc.starting {
				target := health.Target{Address: netip.AddrPortFrom(address, uint16(8000+i%3)), Spec: spec}
				address = address.Next()
				wait := health.Jitter(target, tc.starting)
				if wait != health.Jitter(target, tc.starting) {
					t.Fatalf("%v waits differently when asked twice", target)
				}
				if wait < 0 || wait >= tc.window {
					t.Fatalf("%v waits %v, want less than %v", target, wait, tc.window)
				}
				tenths[wait*10/tc.window]++
			}
			fair := tc.starting / 10
			for i, n := range tenths {
				if n < fair/2 || n > fair*2 {
					t.Errorf("tenth %d of the window has %d starts, want about %d: %v", i, n, fair, tenths)
				}
			}
		})
	}
}

func TestTargetWithoutIntervalDoesNotWait(t *testing.T) {
	target := health.Target{Address: netip.MustParseAddrPort("192.0.2.10:80")}
	if got := health.Jitter(target, health.Few+1); got != 0 {
		t.Errorf("waits %v, want 0", got)
	}
}
