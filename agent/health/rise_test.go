// SPDX-License-Identifier: Apache-2.0

package health_test

import (
	"fmt"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/health"
)

// rising is the tutorial's check with no retries, where a dead real server comes up with the third passed check in a row.
func rising() health.Spec {
	spec := tutorial
	spec.Retries, spec.Rise = 0, 3
	return spec
}

func TestDeadRealServerComesUpWithTheLastOfTheChecksThatItTakes(t *testing.T) {
	l := health.NewLaw(rising(), health.Up, start, health.Start{})
	play(t, &l, []checked{
		{0, errRefused, true, `down since 0s checked=true next 6s "connection refused"`},
		{6.5, nil, false, `down since 0s checked=true next 12s "passes again, 1 of 3 times in a row"`},
		{12.5, nil, false, `down since 0s checked=true next 18s "passes again, 2 of 3 times in a row"`},
		{18.5, nil, true, `up since 18.5s checked=true next 24s ""`},
		{24, errRefused, true, `down since 24s checked=true next 30s "connection refused"`},
		{30, nil, false, `down since 24s checked=true next 36s "passes again, 1 of 3 times in a row"`},
	})
}

func TestFailedCheckBeginsTheRiseAnew(t *testing.T) {
	l := health.NewLaw(rising(), health.Unknown, start, health.Start{})
	noFiles := fmt.Errorf("%w: the director is out of file descriptors", health.ErrInconclusive)
	play(t, &l, []checked{
		{0, errRefused, true, `down since 0s checked=true next 6s "connection refused"`},
		{6, nil, false, `down since 0s checked=true next 12s "passes again, 1 of 3 times in a row"`},
		{12, nil, false, `down since 0s checked=true next 18s "passes again, 2 of 3 times in a row"`},
		{18, errRefused, false, `down since 0s checked=true next 24s "connection refused"`},
		{24, nil, false, `down since 0s checked=true next 30s "passes again, 1 of 3 times in a row"`},
		{30, noFiles, false, `down since 0s checked=true next 36s "check not made: the director is out of file descriptors"`},
		{36, nil, false, `down since 0s checked=true next 42s "passes again, 2 of 3 times in a row"`},
		{42, nil, true, `up since 42s checked=true next 48s ""`},
	})
}

func TestRealServerOfWhichNothingIsKnownComesUpAtOnceWhateverItsRise(t *testing.T) {
	l := health.NewLaw(rising(), health.Unknown, start, health.Start{})
	play(t, &l, []checked{{0, nil, true, `up since 0s checked=true next 6s ""`}})
}

func TestRespecKeepsTheRise(t *testing.T) {
	l := health.NewLaw(rising(), health.Unknown, start, health.Start{})
	l.Observe(at(0), errRefused)
	l.Observe(at(6), nil)
	slower := rising()
	slower.Rise = 4
	l.Respec(at(7), slower)
	play(t, &l, []checked{{12, nil, false, `down since 0s checked=true next 18s "passes again, 2 of 4 times in a row"`}})
	quicker := rising()
	quicker.Rise = 1
	l.Respec(at(13), quicker)
	play(t, &l, []checked{{18, nil, true, `up since 18s checked=true next 24s ""`}})
}
