// SPDX-License-Identifier: Apache-2.0

package tutorial

import (
	"context"
	"fmt"
	"time"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// realServerStops ends one web server under a client that connects all the time.
func (s *scene) realServerStops(ctx context.Context) error {
	if err := s.stopRealServer(ctx, youzhibing03, master, brucelee); err != nil {
		return err
	}
	return s.ShowTable(ctx, master)
}

// stopRealServer ends a web server and waits until the directors have removed it; from then on no connection may fail.
func (s *scene) stopRealServer(ctx context.Context, host string, directors ...string) error {
	poll := stage.StartPoll(ctx, s.Dial(client, target))
	defer poll.End()
	s.KillServer(host, port)
	stopped := time.Now()
	done := s.Waiting("waiting for the directors to remove %s", host)
	for _, director := range directors {
		if _, err := stage.Until(ctx, removalBound, func() (bool, error) {
			has, err := s.has(ctx, director, host)
			return err == nil && !has, err
		}); err != nil {
			done()
			return fmt.Errorf("%s did not remove %s: %w", director, host, err)
		}
	}
	done()
	removed := time.Now()
	if err := s.Check(removed.Sub(stopped) <= removalBound,
		fmt.Sprintf("removed within interval + retries*(timeout+delay) = %s", removalBound),
		"%.1f s after %s stopped", removed.Sub(stopped).Seconds(), host); err != nil {
		return err
	}
	if err := stage.Listen(ctx, 3*time.Second); err != nil {
		return err
	}
	tries := poll.End()
	s.Note("until then %s", stage.OutcomeOf(tries, stopped, removed))
	after := stage.OutcomeOf(tries, removed, time.Now())
	return s.Check(after.NoneFailed(), "no connection fails once the dead real server is removed", "%s", after)
}

// realServerReturns starts the web server again: the directors find it by themselves.
func (s *scene) realServerReturns(ctx context.Context) error {
	if err := s.StartServer(ctx, youzhibing03, port); err != nil {
		return err
	}
	bound := checkInterval + checkTimeout
	done := s.Waiting("waiting for the directors to take %s back", youzhibing03)
	took, err := stage.Until(ctx, bound, func() (bool, error) { return s.settled(ctx, master, youzhibing, youzhibing03) })
	done()
	if err := s.Check(err == nil, fmt.Sprintf("back in both directors' tables within interval + timeout = %s", bound), "%.1f s", took.Seconds()); err != nil {
		return err
	}
	return s.expectSpread(ctx, 50, 50)
}
