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
)

// Spec says how one real server is checked. It is comparable: real servers that are checked alike have equal Specs.
type Spec struct {
	// Check is what a check does; nil is not valid.
	Check check.Check
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
	return errors.Join(
		what,
		within("interval", s.Interval, MinInterval, MaxInterval),
		within("timeout", s.Timeout, MinTimeout, MaxTimeout),
		within("retryDelay", s.RetryDelay, 0, MaxRetryDelay),
		retries,
	)
}

func within(name string, d, low, high time.Duration) error {
	if d < low || d > high {
		return fmt.Errorf("health check %s %v must lie between %v and %v", name, d, low, high)
	}
	return nil
}

// RemovalBound is the longest time from the death of a real server that is up to its going down, when checks start on
// time: it dies right after a passed check, and every try then waits for its whole timeout.
//
//	interval + (retries+1)*timeout + retries*retryDelay
func (s Spec) RemovalBound() time.Duration {
	retries := time.Duration(s.Retries)
	return s.Interval + (retries+1)*s.Timeout + retries*s.RetryDelay
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
	if t.Address.Port() == 0 {
		return fmt.Sprintf("%v %v", t.Spec.Check, t.Address.Addr())
	}
	return fmt.Sprintf("%v %v", t.Spec.Check, t.Address)
}
