// SPDX-License-Identifier: Apache-2.0

package elections

import (
	"context"
	"time"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

const annotation = "lvs-operator.io/hand-over"

// handsOver has the Active director give its role up without an end of anything, and take it again, under a client that connects all the
// time.
func (s *scene) handsOver(ctx context.Context) error {
	poll := stage.StartPoll(ctx, s.DialFresh(client, vip+":80"))
	defer poll.End()
	if err := stage.Listen(ctx, time.Second); err != nil {
		return err
	}
	began := time.Now()
	for _, turn := range []struct{ change, serves string }{{annotation + "=true", edge2}, {annotation + "-", edge1}} {
		out, err := s.Control.Kubectl(ctx, nil, "annotate", "node", edge1, turn.change)
		if err != nil {
			return err
		}
		s.Block("kubectl annotate node "+edge1+" "+turn.change, out)
		if err := s.hold(ctx, map[string]string{vip: turn.serves, second: turn.serves}); err != nil {
			return err
		}
		if err := s.await(ctx, turn.serves+" Ready"); err != nil {
			return err
		}
		s.Note("%s serves", turn.serves)
	}
	if err := stage.Listen(ctx, 2*interval); err != nil {
		return err
	}
	outcome := stage.OutcomeOf(poll.End(), began, time.Now())
	return s.Check(outcome.NoneFailed(), "there and back, no connection failed", "%s", outcome)
}
