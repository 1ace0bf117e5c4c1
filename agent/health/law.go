// SPDX-License-Identifier: Apache-2.0

package health

import (
	"cmp"
	"errors"
	"time"
)

// ErrInconclusive marks a check that could not be made, for a reason that lies in the director and says nothing of the
// real server: no file descriptor, no free local port. Such a check changes no state and uses up no retry, so that a
// director short of something does not take every real server out. keepalived reschedules in the same way.
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
// The next check is due
//
//	an interval after the last one was due, when that passed: checks keep their rhythm
//	retryDelay after the end of the last one, while Up, when that failed
//	an interval after the end of the last one, else
//
// and never before the last one has ended.
//
// A Law is not safe for concurrent use. Copying it copies the life up to then.
type Law struct {
	spec     Spec
	state    State
	checked  bool
	failures int
	since    time.Time
	due      time.Time
	// first is the interval after the first check; 0: that of the specification.
	first  time.Duration
	reason string
}

// NewLaw begins a life at now in the state initial: Unknown for a real server that was never seen, Up for one found with
// weight in the kernel. The spec should have passed Validate; an Interval below MinInterval is taken as MinInterval.
func NewLaw(spec Spec, initial State, now time.Time, start Start) Law {
	return Law{spec: spec, state: initial, since: now, due: now.Add(start.Wait), first: start.First}
}

// Due is when the next check shall start. It stays put until the result of that check is observed.
func (l *Law) Due() time.Time { return l.due }

// State is the verdict so far.
func (l *Law) State() State { return l.state }

// Since is when State began.
func (l *Law) Since() time.Time { return l.since }

// LastReason is why the last check did not pass; empty when it passed or none finished.
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
		l.fail(now, failure.Error())
		l.due = now.Add(l.pause())
	}
	l.first = 0
	return l.state != state || l.checked != checked
}

// Respec goes on under another specification from now on. State, Since, Checked and the tries already failed are kept.
// The next check is due when it was, or earlier if the new specification's pause counted from now ends earlier; one that
// has been due already, because its result never came, is due now.
func (l *Law) Respec(now time.Time, spec Spec) {
	l.spec = spec
	if latest := now.Add(l.pause()); latest.Before(l.due) {
		l.due = latest
	}
	if l.due.Before(now) {
		l.due = now
	}
}

func (l *Law) pass(now time.Time) {
	l.failures = 0
	l.reason = ""
	l.enter(now, Up)
}

func (l *Law) fail(now time.Time, reason string) {
	l.reason = reason
	if l.state == Up {
		l.failures++
		if l.failures <= l.spec.Retries {
			return
		}
	}
	l.failures = 0
	l.enter(now, Down)
}

func (l *Law) enter(now time.Time, state State) {
	if l.state != state {
		l.state, l.since = state, now
	}
}

// pause relies on failures being 0 unless Up: fail clears them on the way down.
func (l *Law) pause() time.Duration {
	if l.failures > 0 {
		return l.spec.RetryDelay
	}
	return l.interval()
}

// interval keeps a specification that nobody validated from making a busy loop.
func (l *Law) interval() time.Duration {
	return max(l.spec.Interval, MinInterval)
}
