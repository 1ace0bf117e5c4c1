// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

func TestEachAddressIsAnnouncedFiveTimesOnceAfterASecondAndFiveTimesMoreAfterFive(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	first, second := netip.MustParseAddr("192.0.2.200"), netip.MustParseAddr("192.0.2.201")
	var a announcer
	if _, ok := a.take(start); ok || !a.deadline().IsZero() {
		t.Fatal("an announcer that was not started announces")
	}
	a.start(start, []netip.Addr{first, second}, vrrp.Announcements{}.OrDefault())
	for _, round := range []struct {
		after   time.Duration
		packets int
	}{{0, 10}, {confirmAfter, 2}, {5 * time.Second, 10}} {
		burst := start.Add(round.after)
		if a.deadline() != burst {
			t.Fatalf("next at %s, want %s", a.deadline(), burst)
		}
		if _, ok := a.take(burst.Add(-1)); ok {
			t.Error("announces before it is due")
		}
		for i := range round.packets {
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
		t.Error("announces after the second burst")
	}
}

func TestAnnouncingAnewBeginsAtTheFirstBurst(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var a announcer
	a.start(start, []netip.Addr{netip.MustParseAddr("192.0.2.200")}, vrrp.Announcements{}.OrDefault())
	for range 7 {
		a.take(start)
	}
	a.start(start.Add(time.Second), []netip.Addr{netip.MustParseAddr("192.0.2.200")}, vrrp.Announcements{}.OrDefault())
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

func TestARefreshComesAgainAndAgain(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var a announcer
	a.start(start, []netip.Addr{netip.MustParseAddr("192.0.2.200"), netip.MustParseAddr("2001:db8::200")},
		vrrp.Announcements{Repeat: 1, Delay: time.Second, Refresh: time.Minute})
	var sent []time.Duration
	for now := start; now.Before(start.Add(3 * time.Minute)); now = now.Add(time.Second) {
		for {
			if _, due := a.take(now); !due {
				break
			}
			sent = append(sent, now.Sub(start))
		}
	}
	want := []time.Duration{0, 0, time.Second, time.Second, 61 * time.Second, 61 * time.Second, 121 * time.Second, 121 * time.Second}
	if !slices.Equal(sent, want) {
		t.Errorf("announced at %v, want %v", sent, want)
	}
}
