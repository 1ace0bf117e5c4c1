// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

func TestSpecOutsideItsLimitsIsRefusedWithTheLimit(t *testing.T) {
	for _, tc := range []struct {
		name  string
		spoil func(*health.Spec)
		want  string
	}{
		{"the tutorial's", func(*health.Spec) {}, ""},
		{"no retries, no delay", func(s *health.Spec) { s.Retries, s.RetryDelay = 0, 0 }, ""},
		{"no kind", func(s *health.Spec) { s.Check = nil }, "health check has no kind: use one, for example tcp"},
		{"interval too short", func(s *health.Spec) { s.Interval = 0 }, "health check interval 0s must lie between 100ms and 24h0m0s"},
		{"interval too long", func(s *health.Spec) { s.Interval = 25 * time.Hour }, "health check interval 25h0m0s must lie between 100ms and 24h0m0s"},
		{"timeout too short", func(s *health.Spec) { s.Timeout = time.Millisecond }, "health check timeout 1ms must lie between 10ms and 5m0s"},
		{"timeout too long", func(s *health.Spec) { s.Timeout = time.Hour }, "health check timeout 1h0m0s must lie between 10ms and 5m0s"},
		{"negative delay", func(s *health.Spec) { s.RetryDelay = -1 }, "health check retryDelay -1ns must lie between 0s and 1h0m0s"},
		{"negative retries", func(s *health.Spec) { s.Retries = -1 }, "health check retries -1 must lie between 0 and 100"},
		{"too many retries", func(s *health.Spec) { s.Retries = 101 }, "health check retries 101 must lie between 0 and 100"},
		{"the quickest rise", func(s *health.Spec) { s.Rise = 1 }, ""},
		{"no rise", func(s *health.Spec) { s.Rise = -1 }, "health check rise -1 must lie between 1 and 100"},
		{"too slow a rise", func(s *health.Spec) { s.Rise = 101 }, "health check rise 101 must lie between 1 and 100"},
		{"damped", func(s *health.Spec) {
			s.FlapDamping = health.FlapDamping{Falls: 16, Window: time.Second, HoldDown: 24 * time.Hour}
		}, ""},
		{"damping at the first fall", func(s *health.Spec) {
			s.FlapDamping = health.FlapDamping{Falls: 1, Window: time.Second, HoldDown: time.Second}
		},
			"health check flapDamping.falls 1 must lie between 2 and 16"},
		{"damping of nothing", func(s *health.Spec) { s.FlapDamping.Falls = 17 },
			"health check flapDamping.falls 17 must lie between 2 and 16\nhealth check flapDamping.window 0s must lie between 1s and 24h0m0s\nhealth check flapDamping.holdDown 0s must lie between 1s and 24h0m0s"},
		{"two faults", func(s *health.Spec) { s.Check, s.Retries = nil, -1 }, "health check has no kind: use one, for example tcp\nhealth check retries -1 must lie between 0 and 100"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			spec := tutorial
			tc.spoil(&spec)
			got := ""
			if err := spec.Validate(); err != nil {
				got = err.Error()
			}
			if got != tc.want {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
		})
	}
}

func TestNamesAreThoseOfTheAPI(t *testing.T) {
	target := health.Target{Address: netip.MustParseAddrPort("[2001:db8::7]:80"), Spec: tutorial}
	if got, want := target.String(), "tcp [2001:db8::7]:80"; got != want {
		t.Errorf("target prints as %q, want %q", got, want)
	}
	target.Spec.Check, target.Address = check.Ping{}, netip.AddrPortFrom(target.Address.Addr(), 0)
	if got, want := target.String(), "ping 2001:db8::7"; got != want {
		t.Errorf("target prints as %q, want %q", got, want)
	}
	for state, want := range map[health.State]string{
		health.Unknown: "unknown", health.Down: "down", health.Up: "up", 9: "state 9",
	} {
		if got := state.String(); got != want {
			t.Errorf("state prints as %q, want %q", got, want)
		}
	}
}
