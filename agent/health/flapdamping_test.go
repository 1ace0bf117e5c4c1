// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health"
)

// damped is the tutorial's check with no retries; two falls within a minute hold a real server down for 15 s.
func damped() health.Spec {
	spec := tutorial
	spec.Retries = 0
	spec.FlapDamping = health.FlapDamping{Falls: 2, Window: time.Minute, HoldDown: 15 * time.Second}
	return spec
}

func TestFlappingRealServerIsHeldDownUntilItsChecksHavePassedForLongEnough(t *testing.T) {
	l := health.NewLaw(damped(), health.Up, start, health.Start{})
	play(t, &l, []checked{
		{0, errRefused, true, `down since 0s checked=true next 6s "connection refused"`},
		{6, nil, true, `up since 6s checked=true next 12s ""`},
		{12, errRefused, true, `down since 12s checked=true next 18s "connection refused"`},
		{18, nil, false, `down since 12s checked=true next 24s "passes again, but went down 2 times within 1m: held down for 15s more"`},
		{24, nil, false, `down since 12s checked=true next 30s "passes again, but went down 2 times within 1m: held down for 9s more"`},
		{30, errRefused, false, `down since 12s checked=true next 36s "connection refused"`},
		{36, nil, false, `down since 12s checked=true next 42s "passes again, but went down 2 times within 1m: held down for 15s more"`},
		{50.5, nil, false, `down since 12s checked=true next 50.5s "passes again, but went down 2 times within 1m: held down for 1s more"`},
		{51, nil, true, `up since 51s checked=true next 56.5s ""`},

		// It has a clean slate now.
		{57, errRefused, true, `down since 57s checked=true next 63s "connection refused"`},
		{63, nil, true, `up since 63s checked=true next 69s ""`},
	})
}

func TestFallsThatAreFarApartHoldNothingDown(t *testing.T) {
	l := health.NewLaw(damped(), health.Up, start, health.Start{})
	play(t, &l, []checked{
		{0, errRefused, true, `down since 0s checked=true next 6s "connection refused"`},
		{6, nil, true, `up since 6s checked=true next 12s ""`},
		{60.5, errRefused, true, `down since 60.5s checked=true next 66.5s "connection refused"`},
		{66.5, nil, true, `up since 66.5s checked=true next 72.5s ""`},
		{120.5, errRefused, true, `down since 120.5s checked=true next 126.5s "connection refused"`},
		{126.5, nil, false, `down since 120.5s checked=true next 132.5s "passes again, but went down 2 times within 1m: held down for 15s more"`},
	})
}

func TestRealServerThatWasNeverUpDidNotFall(t *testing.T) {
	l := health.NewLaw(damped(), health.Unknown, start, health.Start{})
	play(t, &l, []checked{
		{0, errRefused, true, `down since 0s checked=true next 6s "connection refused"`},
		{6, nil, true, `up since 6s checked=true next 12s ""`},
		{12, errRefused, true, `down since 12s checked=true next 18s "connection refused"`},
		{18, nil, true, `up since 18s checked=true next 24s ""`},
	})
}

func TestHeldRealServerRisesNoSoonerThanItsRise(t *testing.T) {
	spec := damped()
	spec.Rise, spec.FlapDamping.HoldDown = 3, 5*time.Second
	l := health.NewLaw(spec, health.Up, start, health.Start{})
	l.Observe(at(0), errRefused)
	for _, passed := range []float64{6, 12, 18} {
		l.Observe(at(passed), nil)
	}
	l.Observe(at(24), errRefused)
	play(t, &l, []checked{
		{30, nil, false, `down since 24s checked=true next 36s "passes again, but went down 2 times within 1m: held down for 5s more"`},
		{36, nil, false, `down since 24s checked=true next 42s "passes again, 2 of 3 times in a row"`},
		{42, nil, true, `up since 42s checked=true next 48s ""`},
	})
}

func TestRespecKeepsTheFallsAsLongAsFlapsAreDamped(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*health.Spec)
		want   string
	}{
		"another hold":   {func(s *health.Spec) { s.FlapDamping.HoldDown = time.Minute }, "passes again, but went down 2 times within 1m: held down for 1m more"},
		"a higher limit": {func(s *health.Spec) { s.FlapDamping.Falls = 3 }, ""},
		"no damping":     {func(s *health.Spec) { s.FlapDamping = health.FlapDamping{} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := health.NewLaw(damped(), health.Up, start, health.Start{})
			l.Observe(at(0), errRefused)
			l.Observe(at(6), nil)
			l.Observe(at(12), errRefused)
			spec := damped()
			tc.change(&spec)
			l.Respec(at(13), spec)
			l.Observe(at(18), nil)
			if (l.State() == health.Up) != (tc.want == "") || l.LastReason() != tc.want {
				t.Errorf("is %v: %q, want %q", l.State(), l.LastReason(), tc.want)
			}
		})
	}
}

func TestCopyOfALawHasALifeOfItsOwn(t *testing.T) {
	l := health.NewLaw(damped(), health.Up, start, health.Start{})
	l.Observe(at(0), errRefused)
	l.Observe(at(6), nil)
	other := l
	other.Observe(at(12), errRefused)
	l.Observe(at(70), errRefused)
	play(t, &l, []checked{{76, nil, true, `up since 76s checked=true next 82s ""`}})
	play(t, &other, []checked{{18, nil, false, `down since 12s checked=true next 24s "passes again, but went down 2 times within 1m: held down for 15s more"`}})
}

// TestWhateverTheResultsARealServerDoesNotFallTooOften plays random lives. Between any falls that are too many for the window lies a hold: time
// in which the real server was down while its checks passed.
func TestWhateverTheResultsARealServerDoesNotFallTooOften(t *testing.T) {
	const lives = 500
	for seed := range uint64(lives) {
		random := rand.New(rand.NewPCG(seed, 0))
		spec := tutorial
		spec.Interval = time.Duration(1+random.IntN(10)) * time.Second
		spec.RetryDelay, spec.Retries, spec.Rise = time.Duration(random.IntN(3))*time.Second, random.IntN(2), random.IntN(3)
		d := health.FlapDamping{
			Falls: 2 + random.IntN(15), Window: time.Duration(1+random.IntN(600)) * time.Second, HoldDown: time.Duration(1+random.IntN(600)) * time.Second,
		}
		spec.FlapDamping = d
		if err := spec.Validate(); err != nil {
			t.Fatal(err)
		}
		if how := flap(spec, random); how != "" {
			t.Errorf("life %d with %+v: %s", seed, d, how)
		}
	}
}

// flap plays a life, and says how it broke the law.
func flap(spec health.Spec, random *rand.Rand) string {
	d := spec.FlapDamping
	l := health.NewLaw(spec, health.State(random.IntN(3)), start, health.Start{})
	var falls []time.Time // since the last hold
	var all []time.Time
	var passing time.Time
	fails := false
	for range 2000 {
		now := l.Due().Add(time.Duration(random.Int64N(int64(spec.Timeout))))
		if random.IntN(4) == 0 {
			fails = !fails
		}
		var result error
		switch {
		case random.IntN(20) == 0:
			result = health.ErrInconclusive
		case fails:
			result, passing = errRefused, time.Time{}
		case passing.IsZero():
			passing = now
		}
		before := l.State()
		l.Observe(now, result)
		switch {
		case before == health.Up && l.State() == health.Down:
			falls, all = append(falls, now), append(all, now)
			if n := len(falls) - d.Falls - 1; n >= 0 && now.Sub(falls[n]) <= d.Window {
				return fmt.Sprintf("fell %d times within %v without a hold", d.Falls+1, now.Sub(falls[n]))
			}
			if n := len(all) - d.Falls - 1; n >= 0 && d.HoldDown >= d.Window && now.Sub(all[n]) <= d.Window {
				return fmt.Sprintf("fell %d times within %v", d.Falls+1, now.Sub(all[n]))
			}
		case before == health.Down && l.State() == health.Up && now.Sub(passing) >= d.HoldDown:
			falls = nil
		}
	}
	return ""
}
