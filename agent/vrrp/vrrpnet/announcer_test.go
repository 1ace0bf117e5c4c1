// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"net/netip"
	"testing"
	"time"
)

func TestEachAddressIsAnnouncedFiveTimesAndFiveTimesMoreAfterFiveSeconds(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	first, second := netip.MustParseAddr("192.0.2.200"), netip.MustParseAddr("192.0.2.201")
	var a announcer
	if _, ok := a.take(start); ok || !a.deadline().IsZero() {
		t.Fatal("an announcer that was not started announces")
	}
	a.start(start, []netip.Addr{first, second})
	for _, burst := range []time.Time{start, start.Add(5 * time.Second)} {
		if a.deadline() != burst {
			t.Fatalf("next at %s, want %s", a.deadline(), burst)
		}
		if _, ok := a.take(burst.Add(-1)); ok {
			t.Error("announces before it is due")
		}
		for i := range 10 {
			want := first
			if i%2 == 1 {
				want = second
			}
			if got, ok := a.take(burst); !ok || got != want {
				t.Fatalf("packet %d announces %s (%t), want %s", i, got, ok, want)
			}
		}
	}
	if _, ok := a.take(start.Add(time.Hour)); ok || !a.deadline().IsZero() {
		t.Error("a third burst")
	}
}

func TestAnnouncingAnewBeginsAtTheFirstBurst(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var a announcer
	a.start(start, []netip.Addr{netip.MustParseAddr("192.0.2.200")})
	for range 7 {
		a.take(start)
	}
	a.start(start.Add(time.Second), []netip.Addr{netip.MustParseAddr("192.0.2.200")})
	sent := 0
	for range 20 {
		if _, ok := a.take(start.Add(time.Second)); ok {
			sent++
		}
	}
	if sent != 5 {
		t.Errorf("%d packets at once, want 5", sent)
	}
	a.stop()
	if _, ok := a.take(start.Add(time.Hour)); ok {
		t.Error("announces after stop")
	}
}
