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

// Listen lets a poll that runs go on for a while.
func Listen(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
