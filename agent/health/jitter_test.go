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
		if got := health.Jitter(target, starting); got != (health.Start{}) {
			t.Errorf("one of %d begins as %v, want at once", starting, got)
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
			var tenths, seconds [10]int
			address := netip.MustParseAddr("192.0.2.0")
			for i := range tc.starting {
				target := health.Target{Address: netip.AddrPortFrom(address, uint16(8000+i%3)), Spec: spec}
				address = address.Next()
				start := health.Jitter(target, tc.starting)
				if start != health.Jitter(target, tc.starting) {
					t.Fatalf("%v begins differently when asked twice", target)
				}
				if start.Wait < 0 || start.Wait >= tc.window || start.First <= 0 || start.First > tc.interval {
					t.Fatalf("%v begins as %v, want to wait for less than %v, and an interval of at most %v", target, start, tc.window, tc.interval)
				}
				tenths[start.Wait*10/tc.window]++
				seconds[(start.Wait+start.First)%tc.interval*10/tc.interval]++
			}
			fair := tc.starting / 10
			for i := range tenths {
				if n := tenths[i]; n < fair/2 || n > fair*2 {
					t.Errorf("tenth %d of the window has %d starts, want about %d: %v", i, n, fair, tenths)
				}
				if n := seconds[i]; n < fair/2 || n > fair*2 {
					t.Errorf("tenth %d of the interval has %d second checks, want about %d: %v", i, n, fair, seconds)
				}
			}
		})
	}
}

func TestTargetWithoutIntervalBeginsAsOneWithTheShortest(t *testing.T) {
	target := health.Target{Address: netip.MustParseAddrPort("192.0.2.10:80")}
	if got := health.Jitter(target, health.Few+1); got.Wait >= health.MinInterval || got.First > health.MinInterval {
		t.Errorf("begins as %v, want within %v", got, health.MinInterval)
	}
}
