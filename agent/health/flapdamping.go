// SPDX-License-Identifier: Apache-2.0

package health

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The limits of a FlapDamping, the same as in the API.
const (
	MinFalls    = 2
	MaxFalls    = 16
	MinWindow   = time.Second
	MaxWindow   = 24 * time.Hour
	MinHoldDown = time.Second
	MaxHoldDown = 24 * time.Hour
)

// FlapDamping keeps a real server down that went down Falls times within Window, until its checks have passed for HoldDown without a
// failure. Then its falls are forgotten. A real server that fails its first check ever does not go down by that: it was never up.
// keepalived has nothing like it.
type FlapDamping struct {
	// Falls is how often: MinFalls to MaxFalls.
	Falls int
	// Window is how far apart the first and the last of them are at most: MinWindow to MaxWindow. Where HoldDown is at least as long, a
	// real server never goes down more often than Falls within it.
	Window time.Duration
	// HoldDown is how long checks have to pass, counted from the first that did: MinHoldDown to MaxHoldDown.
	HoldDown time.Duration
}

func (d FlapDamping) validate() error {
	if d == (FlapDamping{}) {
		return nil
	}
	var falls error
	if d.Falls < MinFalls || d.Falls > MaxFalls {
		falls = fmt.Errorf("health check flapDamping.falls %d must lie between %d and %d", d.Falls, MinFalls, MaxFalls)
	}
	return errors.Join(
		falls,
		within("flapDamping.window", d.Window, MinWindow, MaxWindow),
		within("flapDamping.holdDown", d.HoldDown, MinHoldDown, MaxHoldDown),
	)
}

// falls is what a Law remembers of a real server that flaps. It never changes once it is made, so that copies of a Law can share it; nil:
// there is nothing to remember.
type falls struct {
	// at is when the real server went down, the last time at the end; at most FlapDamping.Falls of them.
	at []time.Time
	// passing is since when checks pass without a failure; zero: since it went down none did, or the last one failed.
	passing time.Time
}

// fell is f and one more fall.
func (f *falls) fell(now time.Time, d FlapDamping) *falls {
	if d.Falls <= 0 {
		return nil
	}
	var at []time.Time
	if f != nil {
		at = f.at[max(0, len(f.at)-d.Falls+1):]
	}
	return &falls{at: append(slices.Clip(at), now)}
}

// passed is f after a passed check, and failed after a failed one, while the real server is down.
func (f *falls) passed(now time.Time) *falls {
	if f == nil || !f.passing.IsZero() {
		return f
	}
	return &falls{at: f.at, passing: now}
}

func (f *falls) failed() *falls {
	if f == nil || f.passing.IsZero() {
		return f
	}
	return &falls{at: f.at}
}

// damped says whether the last falls were too many in too short a time.
func (f *falls) damped(d FlapDamping) bool {
	if f == nil || d.Falls <= 0 || len(f.at) < d.Falls {
		return false
	}
	last := f.at[len(f.at)-d.Falls:]
	return last[d.Falls-1].Sub(last[0]) <= d.Window
}

// held says why a damped real server whose last check passed stays down; empty: it does not.
func (f *falls) held(now time.Time, d FlapDamping) string {
	left := d.HoldDown - now.Sub(f.passing)
	if left <= 0 {
		return ""
	}
	left = (left + time.Second - 1).Truncate(time.Second)
	return fmt.Sprintf("passes again, but went down %d times within %s: held down for %s more", d.Falls, short(d.Window), short(left))
}

// short is a duration without the zeros at its end: 10m, not 10m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
