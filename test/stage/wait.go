// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Patience bounds waits whose length says nothing about the operator: programs starting on a slow, emulated machine.
const Patience = 90 * time.Second

// Until asks every 50 ms whether something holds, for at most a bound, and returns when it did.
func Until(ctx context.Context, bound time.Duration, holds func() (bool, error)) (time.Duration, error) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	every := time.NewTicker(50 * time.Millisecond)
	defer every.Stop()
	for {
		ok, err := holds()
		if ok {
			return time.Since(began), nil
		}
		select {
		case <-ctx.Done():
			return time.Since(began), errors.Join(fmt.Errorf("not within %s: %w", bound, ctx.Err()), err)
		case <-every.C:
		}
	}
}

// What awaitQuiet waits for, and for how long.
const (
	quiet      = 5 * time.Second
	quietBound = 3 * time.Minute
)

// awaitQuiet waits, where the machine stood still while the hosts were made, until it does so no more, and goes on if that takes too long.
func (s *Stage) awaitQuiet(ctx context.Context, pulse *pulse) error {
	still := pulse.take()
	if !still.Disturbs() {
		return nil
	}
	done := s.Waiting("waiting for a quiet machine: it stood still for %s", still)
	defer done()
	for bound := time.Now().Add(quietBound); still.Disturbs() && time.Now().Before(bound); {
		if err := Listen(ctx, quiet); err != nil {
			return err
		}
		still = pulse.take()
	}
	return nil
}

// Listen lets a poll that runs go on for a while.
func Listen(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
