// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// tutorial is the check of the LVS guide's virtual_server: delay_loop 6, connect_timeout 10, retry 3, delay_before_retry 3.
var tutorial = health.Spec{
	Check: check.TCP{}, Interval: 6 * time.Second, Timeout: 10 * time.Second, Retries: 3, RetryDelay: 3 * time.Second,
}

var (
	start      = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	errRefused = errors.New("connection refused")
)

// at is a moment of the story, in seconds after its start.
func at(seconds float64) time.Time {
	return start.Add(time.Duration(seconds * float64(time.Second)))
}

// line tells everything that a law lets one see.
func line(l *health.Law) string {
	return fmt.Sprintf("%v since %gs checked=%v next %gs %q",
		l.State(), l.Since().Sub(start).Seconds(), l.Checked(), l.Due().Sub(start).Seconds(), l.LastReason())
}

type checked struct {
	ends    float64
	result  error
	changed bool
	want    string
}

func play(t *testing.T, l *health.Law, checks []checked) {
	t.Helper()
	for _, c := range checks {
		if changed := l.Observe(at(c.ends), c.result); changed != c.changed {
			t.Errorf("check that ends at %gs: changed = %v, want %v", c.ends, changed, c.changed)
		}
		if got := line(l); got != c.want {
			t.Errorf("after the check that ends at %gs:\n got %s\nwant %s", c.ends, got, c.want)
		}
	}
}

func TestNewRealServerStartsDownAndRisesWithItsFirstPassedCheck(t *testing.T) {
	l := health.NewLaw(tutorial, health.Unknown, start, health.Start{})
	if got, want := line(&l), `unknown since 0s checked=false next 0s ""`; got != want {
		t.Fatalf("at the start: got %s, want %s", got, want)
	}
	play(t, &l, []checked{
		{0.5, nil, true, `up since 0.5s checked=true next 6s ""`},
		{6.5, nil, false, `up since 0.5s checked=true next 12s ""`},
		{18.25, nil, false, `up since 0.5s checked=true next 18.25s ""`},
		{18.5, nil, false, `up since 0.5s checked=true next 24.25s ""`},
	})
}

func TestNewRealServerThatRefusesIsDownAtOnceAndCheckedEveryInterval(t *testing.T) {
	l := health.NewLaw(tutorial, health.Unknown, start, health.Start{})
	play(t, &l, []checked{
		{0, errRefused, true, `down since 0s checked=true next 6s "connection refused"`},
		{6, errRefused, false, `down since 0s checked=true next 12s "connection refused"`},
		{12, nil, true, `up since 12s checked=true next 18s ""`},
	})
}

func TestRealServerGoesDownOnlyWhenAllRetriesFailed(t *testing.T) {
	l := health.NewLaw(tutorial, health.Unknown, start, health.Start{})
	play(t, &l, []checked{
		{0, nil, true, `up since 0s checked=true next 6s ""`},
		{6, errRefused, false, `up since 0s checked=true next 9s "connection refused"`},
		{9, errRefused, false, `up since 0s checked=true next 12s "connection refused"`},
		{12, errRefused, false, `up since 0s checked=true next 15s "connection refused"`},
		{15, errRefused, true, `down since 15s checked=true next 21s "connection refused"`},
		{21, nil, true, `up since 21s checked=true next 27s ""`},
	})
}

func TestPassedRetryForgetsTheFailuresBeforeIt(t *testing.T) {
	spec := tutorial
	spec.Retries = 1
	l := health.NewLaw(spec, health.Unknown, start, health.Start{})
	play(t, &l, []checked{
		{0, nil, true, `up since 0s checked=true next 6s ""`},
		{6, errRefused, false, `up since 0s checked=true next 9s "connection refused"`},
		{9, nil, false, `up since 0s checked=true next 15s ""`},
		{15, errRefused, false, `up since 0s checked=true next 18s "connection refused"`},
		{18, errRefused, true, `down since 18s checked=true next 24s "connection refused"`},
	})
}

func TestWithoutRetriesOneFailedCheckIsEnough(t *testing.T) {
	spec := tutorial
	spec.Retries = 0
	l := health.NewLaw(spec, health.Up, start, health.Start{})
	play(t, &l, []checked{
		{1, errRefused, true, `down since 1s checked=true next 7s "connection refused"`},
	})
}

func TestAdoptedRealServerIsUpUncheckedAndFallsOnlyByTheLaw(t *testing.T) {
	spec := tutorial
	spec.Retries = 1
	l := health.NewLaw(spec, health.Up, start, health.Start{})
	if got, want := line(&l), `up since 0s checked=false next 0s ""`; got != want {
		t.Fatalf("at the start: got %s, want %s", got, want)
	}
	play(t, &l, []checked{
		{1, errRefused, true, `up since 0s checked=true next 4s "connection refused"`},
		{4, errRefused, true, `down since 4s checked=true next 10s "connection refused"`},
	})
}

func TestCheckThatTheDirectorCouldNotMakeSaysNothingOfTheRealServer(t *testing.T) {
	spec := tutorial
	spec.Retries = 1
	noFiles := fmt.Errorf("%w: the director is out of file descriptors", health.ErrInconclusive)
	const reason = "check not made: the director is out of file descriptors"
	l := health.NewLaw(spec, health.Unknown, start, health.Start{})
	play(t, &l, []checked{
		{0, noFiles, false, `unknown since 0s checked=false next 6s "` + reason + `"`},
		{6, nil, true, `up since 6s checked=true next 12s ""`},
		{12, noFiles, false, `up since 6s checked=true next 18s "` + reason + `"`},
		{18, errRefused, false, `up since 6s checked=true next 21s "connection refused"`},
		{21, noFiles, false, `up since 6s checked=true next 27s "` + reason + `"`},
		{27, errRefused, true, `down since 27s checked=true next 33s "connection refused"`},
	})
}

func TestRespecKeepsTheStateAndTheFailedTries(t *testing.T) {
	l := health.NewLaw(tutorial, health.Unknown, start, health.Start{})
	l.Observe(at(0), nil)
	l.Observe(at(6), errRefused)
	stricter := tutorial
	stricter.Retries = 1
	l.Respec(at(7), stricter)
	if got, want := line(&l), `up since 0s checked=true next 9s "connection refused"`; got != want {
		t.Fatalf("after the change: got %s, want %s", got, want)
	}
	play(t, &l, []checked{
		{9, errRefused, true, `down since 9s checked=true next 15s "connection refused"`},
	})
}

func TestRespecNeverPutsTheNextCheckOff(t *testing.T) {
	for _, tc := range []struct {
		name     string
		interval time.Duration
		now      float64
		want     float64
	}{
		{"a longer interval counts from the next check on", time.Minute, 2, 6},
		{"a shorter interval counts from now", time.Second, 2, 3},
		{"a shorter interval that ends later than the check is due", 5 * time.Second, 2, 6},
		{"a check whose result never came is due now", 6 * time.Second, 8, 8},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := health.NewLaw(tutorial, health.Unknown, start, health.Start{})
			l.Observe(at(0), nil)
			spec := tutorial
			spec.Interval = tc.interval
			l.Respec(at(tc.now), spec)
			if !l.Due().Equal(at(tc.want)) {
				t.Errorf("next check at %v, want %v", l.Due().Sub(start), at(tc.want).Sub(start))
			}
		})
	}
}

func TestDeadRealServerIsDownExactlyAtTheRemovalBoundWhenEveryTryHangs(t *testing.T) {
	l := health.NewLaw(tutorial, health.Unknown, start, health.Start{})
	l.Observe(start, nil) // and dies here
	for l.State() == health.Up {
		l.Observe(l.Due().Add(tutorial.Timeout), errors.New("no answer within 10s"))
		if l.Since().Sub(start) > time.Hour {
			t.Fatal("still up after an hour")
		}
	}
	if got, want := l.Since().Sub(start), tutorial.RemovalBound(); got != want {
		t.Errorf("down %v after its death, the bound says %v", got, want)
	}
	if want := 55 * time.Second; tutorial.RemovalBound() != want { // 6 + 4*10 + 3*3
		t.Errorf("bound of the tutorial's check is %v, want %v", tutorial.RemovalBound(), want)
	}
}

func TestSpecificationWithoutIntervalMakesNoBusyLoop(t *testing.T) {
	l := health.NewLaw(health.Spec{Check: check.TCP{}}, health.Unknown, start, health.Start{})
	l.Observe(start, nil)
	if got := l.Due().Sub(start); got != health.MinInterval {
		t.Errorf("next check after %v, want %v", got, health.MinInterval)
	}
}
