// SPDX-License-Identifier: Apache-2.0

// Package health decides, from the results of checks, which real servers are up and when each is checked next, with the
// meaning that keepalived gives delay_loop, retry and delay_before_retry; it never opens a socket, starts a goroutine or
// reads a clock: time and results are arguments.
package health

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// The limits of a Spec, the same as the limits of a RealServerPool's health check in the API.
const (
	MinInterval   = 100 * time.Millisecond
	MaxInterval   = 24 * time.Hour
	MinTimeout    = 10 * time.Millisecond
	MaxTimeout    = 5 * time.Minute
	MaxRetries    = 100
	MaxRetryDelay = time.Hour
	MaxRise       = 100
)

// Spec says how one real server is checked. It is comparable: real servers that are checked alike have equal Specs.
type Spec struct {
	// Check is what a check does; nil is not valid.
	Check check.Check
	// Via is the way that checks take. It is nothing that outlives an agent.
	Via Via `json:"-"`
	// Interval is the time from check to check while nothing is wrong, and the pause after a check while the real server is down:
	// MinInterval to MaxInterval. keepalived: delay_loop.
	Interval time.Duration
	// Timeout bounds one try: MinTimeout to MaxTimeout. keepalived: connect_timeout.
	Timeout time.Duration
	// RetryDelay is the pause before each retry: 0 to MaxRetryDelay. keepalived: delay_before_retry.
	RetryDelay time.Duration
	// Retries is how many more tries follow a failed check before the real server goes down: 0 to MaxRetries.
	// keepalived: retry, before 2.0 nb_get_retry.
	Retries int
	// Rise is how many checks have to pass in a row before a real server that is down comes up: 1 to MaxRise; 0 stands for 1. One of which
	// nothing is known yet comes up with its first passed check.
	Rise int `json:",omitzero"`
	// FlapDamping keeps a real server down that goes down again and again; the zero value: nothing does.
	FlapDamping FlapDamping `json:",omitzero"`
}

// Validate returns nil, or every limit that s breaks, joined into one error.
func (s Spec) Validate() error {
	what := errors.New("health check has no kind: use one, for example tcp")
	if s.Check != nil {
		if what = s.Check.Validate(); what != nil {
			what = fmt.Errorf("health check %s: %w", s.Check, what)
		}
	}
	var retries error
	if s.Retries < 0 || s.Retries > MaxRetries {
		retries = fmt.Errorf("health check retries %d must lie between 0 and %d", s.Retries, MaxRetries)
	}
	var rise error
	if s.Rise < 0 || s.Rise > MaxRise {
		rise = fmt.Errorf("health check rise %d must lie between 1 and %d", s.Rise, MaxRise)
	}
	return errors.Join(
		what,
		within("interval", s.Interval, MinInterval, MaxInterval),
		within("timeout", s.Timeout, MinTimeout, MaxTimeout),
		within("retryDelay", s.RetryDelay, 0, MaxRetryDelay),
		retries,
		rise,
		s.FlapDamping.validate(),
	)
}

func within(name string, d, low, high time.Duration) error {
	if d < low || d > high {
		return fmt.Errorf("health check %s %v must lie between %v and %v", name, d, low, high)
	}
	return nil
}

// RemovalBound is the longest time from the death of a real server that is up to its going down, when checks start and end on
// time (with more than Few targets each may begin 20 ms later, so that they begin together): it dies right after a passed check, and every
// try then waits for its whole timeout. Rise and FlapDamping are no part of it: they put off only its return.
//
//	interval + (retries+1)*timeout + retries*retryDelay
func (s Spec) RemovalBound() time.Duration {
	retries := time.Duration(s.Retries)
	return s.Interval + (retries+1)*s.Timeout + retries*s.RetryDelay
}

// What is the check, and the way that it takes if that is not the direct one, for example "tcp" or "tcp via 198.51.100.10".
func (s Spec) What() string {
	if s.Via.IsZero() {
		return s.Check.String()
	}
	return s.Check.String() + " via " + s.Via.Virtual.String()
}

// Target is one thing to check. It is comparable: however many virtual services share a real server, those that check it
// alike share one Target, and it is checked once.
type Target struct {
	// Address is the real server's own address and port, not the VIP's; port 0: the check is of the whole real server.
	Address netip.AddrPort
	// Spec says how it is checked.
	Spec Spec
}

// String returns the check and the address, for example "tcp 192.0.2.10:80" or "ping 192.0.2.10".
func (t Target) String() string {
	told := fmt.Sprintf("%v %v", t.Spec.Check, t.Address)
	if t.Address.Port() == 0 {
		told = fmt.Sprintf("%v %v", t.Spec.Check, t.Address.Addr())
	}
	if !t.Spec.Via.IsZero() {
		told += " via " + t.Spec.Via.Virtual.String()
	}
	return told
}

// Endpoint is the address and port that packets of a check go to.
func (t Target) Endpoint() netip.AddrPort {
	if t.Spec.Via.IsZero() {
		return t.Address
	}
	return netip.AddrPortFrom(t.Spec.Via.Virtual, t.Address.Port())
}
