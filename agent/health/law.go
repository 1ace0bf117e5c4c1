// SPDX-License-Identifier: Apache-2.0

package health

import (
	"cmp"
	"errors"
	"fmt"
	"time"
	"unique"
)

// ErrInconclusive marks a check that could not be made, or did not end, for a reason that lies in the director and says nothing of the
// real server: no file descriptor, no free local port. Such a check changes no state, uses up no retry and breaks no row of passed checks,
// so that a director short of something does not take every real server out. keepalived reschedules in the same way.
var ErrInconclusive = errors.New("check not made")

// Law is the life of one target: a function of the results of its checks and their times.
//
//	           pass                  fail, retries used up
//	Unknown ----------> Up  ---------------------------------> Down
//	   |                 ^  <--------------------------------   ^
//	   |                                   pass                 |
//	   +--------------------------------------------------------+
//	                          fail
//
// From Down a pass leads to Up where it is the Rise-th in a row, and no damping of flaps holds the real server down.
//
// The next check is due
//
//	an interval after the last one was due, when that passed: checks keep their rhythm, while Down, too
//	retryDelay after the end of the last one, while Up, when that failed
//	an interval after the end of the last one, else
//
// and never before the last one has ended.
//
// A Law is not safe for concurrent use. Copying it copies the life up to then.
type Law struct {
	// spec is shared by all who are checked alike.
	spec    unique.Handle[Spec]
	state   State
	checked bool
	// against is how many checks in a row spoke against state: those that failed while Up, those that passed while Down.
	against int32
	since   time.Time
	due     time.Time
	// first is the interval after the first check; 0: that of the specification.
	first  time.Duration
	reason string
	falls  *falls
}

// NewLaw begins a life at now in the state initial: Unknown for a real server that was never seen, Up for one found with
// weight in the kernel. The spec should have passed Validate; an Interval below MinInterval is taken as MinInterval.
func NewLaw(spec Spec, initial State, now time.Time, start Start) Law {
	return Law{spec: unique.Make(spec), state: initial, since: now, due: now.Add(start.Wait), first: start.First}
}

// Spec is the specification that the life goes on under. Its handle is equal to that of every equal one.
func (l *Law) Spec() unique.Handle[Spec] { return l.spec }

// Due is when the next check shall start. It stays put until the result of that check is observed.
func (l *Law) Due() time.Time { return l.due }

// State is the verdict so far.
func (l *Law) State() State { return l.state }

// Since is when State began.
func (l *Law) Since() time.Time { return l.since }

// LastReason is why the last check did not pass, or why the real server is down though it passed; empty otherwise, and when none finished.
func (l *Law) LastReason() string { return l.reason }

// Checked says whether at least one check finished with a result; an inconclusive one is none.
func (l *Law) Checked() bool { return l.checked }

// Observe takes the result of a check that ended at now: nil for a pass, else why it failed. It reports whether State or
// Checked changed. An error that wraps ErrInconclusive changes neither; the next check is then due after an interval.
func (l *Law) Observe(now time.Time, failure error) (changed bool) {
	if errors.Is(failure, ErrInconclusive) {
		l.reason = failure.Error()
		l.due = now.Add(l.interval())
		return false
	}
	state, checked := l.state, l.checked
	l.checked = true
	if failure == nil {
		l.pass(now)
		l.due = l.due.Add(cmp.Or(l.first, l.interval()))
		if l.due.Before(now) {
			l.due = now
		}
	} else {
		l.reason = failure.Error()
		l.fail(now)
		l.due = now.Add(l.pause())
	}
	l.first = 0
	return l.state != state || l.checked != checked
}

// Respec goes on under another specification from now on. State, Since, Checked, the tries already failed or passed and, as long as flaps
// are damped, the last falls are kept. The next check is due when it was, or earlier if the new specification's pause counted from now ends
// earlier; one that has been due already, because its result never came, is due now.
func (l *Law) Respec(now time.Time, spec Spec) {
	l.spec = unique.Make(spec)
	if spec.FlapDamping.Falls == 0 {
		l.falls = nil
	}
	if latest := now.Add(l.pause()); latest.Before(l.due) {
		l.due = latest
	}
	if l.due.Before(now) {
		l.due = now
	}
}

func (l *Law) pass(now time.Time) {
	l.reason = ""
	switch l.state {
	case Up:
		l.against = 0
	case Down:
		l.rise(now)
	default:
		l.enter(now, Up)
	}
}

// rise takes a passed check of a real server that is down.
func (l *Law) rise(now time.Time) {
	spec := l.spec.Value()
	l.against++
	l.falls = l.falls.passed(now)
	damped := l.falls.damped(spec.FlapDamping)
	if damped {
		l.reason = l.falls.held(now, spec.FlapDamping)
	}
	if l.reason == "" && int(l.against) < spec.Rise {
		l.reason = fmt.Sprintf("passes again, %d of %d times in a row", l.against, spec.Rise)
	}
	if l.reason != "" {
		return
	}
	if damped {
		l.falls = nil
	}
	l.enter(now, Up)
}

// fail takes a failed check.
func (l *Law) fail(now time.Time) {
	switch l.state {
	case Up:
		spec := l.spec.Value()
		if l.against++; int(l.against) <= spec.Retries {
			return
		}
		l.falls = l.falls.fell(now, spec.FlapDamping)
		l.enter(now, Down)
	case Down:
		l.against = 0
		l.falls = l.falls.failed()
	default:
		l.enter(now, Down)
	}
}

func (l *Law) enter(now time.Time, state State) {
	l.state, l.since, l.against = state, now, 0
}

// pause is that before a retry while there are retries left, else the interval.
func (l *Law) pause() time.Duration {
	if l.state == Up && l.against > 0 {
		return l.spec.Value().RetryDelay
	}
	return l.interval()
}

// interval keeps a specification that nobody validated from making a busy loop.
func (l *Law) interval() time.Duration {
	return max(l.spec.Value().Interval, MinInterval)
}
