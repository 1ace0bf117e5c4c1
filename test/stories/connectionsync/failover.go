// SPDX-License-Identifier: Apache-2.0

package connectionsync

import (
	"context"
	"fmt"
	"time"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// directorDies takes the Active director away as a power cut does.
func (s *scene) directorDies(ctx context.Context) error {
	s.KillAgent(first)
	if err := s.Host(first).LinkDown(); err != nil {
		return err
	}
	done := s.Waiting("waiting for %s to take over", second)
	err := s.serves(ctx, second)
	done()
	if err != nil {
		return err
	}
	return s.goOn("after the crash")
}

// directorComes adds a director of higher priority. It has the services and nothing of the connections.
func (s *scene) directorComes(ctx context.Context) error {
	if err := s.AddNodes(ctx, labels, third); err != nil {
		return err
	}
	done := s.Waiting("waiting for %s to take the role", third)
	err := s.AwaitSaved(ctx, tables, third)
	if err == nil {
		err = s.serves(ctx, third)
	}
	done()
	if err != nil {
		return err
	}
	count, err := s.known(ctx, third)
	if err != nil {
		return err
	}
	if err := s.Check(count == 2*each, third+" was told of all of them before", "it has %d of %d", count, 2*each); err != nil {
		return err
	}
	if err := s.leaves(ctx, second); err != nil {
		return err
	}
	return s.goOn("after another director came")
}

// leaves waits until a director carries the virtual IPs no more.
func (s *scene) leaves(ctx context.Context, director string) error {
	_, err := stage.Until(ctx, stage.Patience, func() (bool, error) {
		holds, err := s.HoldsVIP(ctx, director, vip)
		return !holds, err
	})
	if err != nil {
		return fmt.Errorf("%s keeps %s: %w", director, vip, err)
	}
	return nil
}

// directorStops ends the Active director's agent as its DaemonSet does.
func (s *scene) directorStops(ctx context.Context) error {
	polls := map[string]*stage.Poll{
		direct: stage.StartPoll(ctx, s.DialFresh(client, direct)),
		nat:    stage.StartPoll(ctx, s.DialFresh(client, nat)),
	}
	began := time.Now()
	if err := stage.Listen(ctx, time.Second); err != nil {
		return err
	}
	s.Note("the agent on %s gets SIGTERM", third)
	s.StopAgent(third)
	if err := s.serves(ctx, second); err != nil {
		return err
	}
	if err := stage.Listen(ctx, 2*interval); err != nil {
		return err
	}
	for _, target := range []string{direct, nat} {
		outcome := stage.OutcomeOf(polls[target].End(), began, time.Now())
		if err := s.Check(outcome.NoneFailed(), "no new connection to "+target+" failed", "%s", outcome); err != nil {
			return err
		}
	}
	return s.goOn("after the planned stop")
}
