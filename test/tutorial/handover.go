// SPDX-License-Identifier: Apache-2.0

package tutorial

import (
	"context"
	"strings"
	"time"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// nodeIsCordoned has the Active director's Node cordoned, as kubectl drain does first, and uncordoned again, under a client that
// connects all the time.
func (s *scene) nodeIsCordoned(ctx context.Context) error {
	poll := stage.StartPoll(ctx, s.Dial(client, target))
	defer poll.End()
	began := time.Now()
	if err := s.administer(ctx, "cordon", master); err != nil {
		return err
	}
	if err := s.becomesActive(ctx, brucelee); err != nil {
		return err
	}
	const ready = `jsonpath={.status.conditions[?(@.type=="Ready")].message}`
	message, err := s.Control.Kubectl(ctx, nil, "get", "dg", "edge", "-o", ready)
	if err != nil {
		return err
	}
	if err := s.Check(strings.Contains(message, master+" has lowered its priority: Unschedulable"), "the DirectorGroup's condition Ready says why", "%q", message); err != nil {
		return err
	}
	if err := s.administer(ctx, "uncordon", master); err != nil {
		return err
	}
	if err := s.becomesActive(ctx, master); err != nil {
		return err
	}
	return s.noneFailed(ctx, poll, began)
}

// administer does something to a Node by kubectl, and shows it.
func (s *scene) administer(ctx context.Context, verb, node string) error {
	out, err := s.Control.Kubectl(ctx, nil, verb, node)
	if err != nil {
		return err
	}
	s.Block("kubectl "+verb+" "+node, out)
	return nil
}

// becomesActive waits until the director has the virtual IP, and no other.
func (s *scene) becomesActive(ctx context.Context, director string) error {
	done := s.Waiting("waiting for %s to be Active", director)
	took, err := stage.Until(ctx, stage.Patience, func() (bool, error) { return s.settled(ctx, director) })
	done()
	return s.Check(err == nil, director+" is Active, and alone", "%.1f s later", took.Seconds())
}

// noneFailed ends a client's poll, two seconds from now, and wants no connection of it to have failed.
func (s *scene) noneFailed(ctx context.Context, poll *stage.Poll, began time.Time) error {
	if err := stage.Listen(ctx, 2*time.Second); err != nil {
		return err
	}
	outcome := stage.OutcomeOf(poll.End(), began, time.Now())
	return s.Check(outcome.NoneFailed(), "a client that connects all the time sees no connection fail", "%s", outcome)
}
