// SPDX-License-Identifier: Apache-2.0

package tutorial

import (
	"context"
	"fmt"
	"time"
)

// realServerStops ends one web server under a client that connects all the time.
func realServerStops(ctx context.Context, s *scene) error {
	if err := s.stopRealServer(ctx, youzhibing03, master, brucelee); err != nil {
		return err
	}
	return s.showTable(ctx, master)
}

// stopRealServer ends a web server and waits until the directors have removed it; from then on no connection may fail.
func (s *scene) stopRealServer(ctx context.Context, host string, directors ...string) error {
	poll := s.startPoll(ctx)
	defer poll.end()
	s.servers[host].kill()
	stopped := time.Now()
	done := s.waiting("waiting for the directors to remove %s", host)
	for _, director := range directors {
		if _, err := until(ctx, removalBound, func() (bool, error) {
			has, err := s.has(ctx, director, host)
			return err == nil && !has, err
		}); err != nil {
			done()
			return fmt.Errorf("%s did not remove %s: %w", director, host, err)
		}
	}
	done()
	removed := time.Now()
	if err := s.check(removed.Sub(stopped) <= removalBound,
		fmt.Sprintf("removed within interval + retries*(timeout+delay) = %s", removalBound),
		"%.1f s after %s stopped", removed.Sub(stopped).Seconds(), host); err != nil {
		return err
	}
	if err := s.listen(ctx, 3*time.Second); err != nil {
		return err
	}
	tries := poll.end()
	before, beforeAll := failures(tries, stopped, removed)
	after, afterAll := failures(tries, removed, time.Now())
	s.note("until then %d of %d connections failed", before, beforeAll)
	return s.check(after == 0 && afterAll > 0, "no connection fails once the dead real server is removed", "%d of %d failed", after, afterAll)
}

// listen lets a poll that runs go on for a while.
func (s *scene) listen(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// realServerReturns starts the web server again: the directors find it by themselves.
func realServerReturns(ctx context.Context, s *scene) error {
	if err := s.startServer(ctx, youzhibing03); err != nil {
		return err
	}
	bound := checkInterval + checkTimeout
	done := s.waiting("waiting for the directors to take %s back", youzhibing03)
	took, err := until(ctx, bound, func() (bool, error) { return s.settled(ctx, master, youzhibing, youzhibing03) })
	done()
	if err := s.check(err == nil, fmt.Sprintf("back in both directors' tables within interval + timeout = %s", bound), "%.1f s", took.Seconds()); err != nil {
		return err
	}
	return s.expectSpread(ctx, 50, 50)
}
