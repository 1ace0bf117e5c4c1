// SPDX-License-Identifier: Apache-2.0

package elections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// takeOverBound is how long the Backup (priority 99) may wait before it becomes Active: Active_Down_Interval of RFC 9568 section 6.1,
// and half a second for everything else.
const takeOverBound = 3*interval + (256-99)*interval/256 + 500*time.Millisecond

// toldBound is within what time the DirectorGroup's status is to say that there are two Actives, and then that they are no more. It is
// asked by kubectl, one after the other: what one has just missed takes another one to be seen. The agents, where they are emulated, may be
// slowed by slack.
const (
	toldBound = 2 * time.Second
	slack     = 500 * time.Millisecond
)

// linkIsCut takes the directors from each other, as a fault between two switches does that leaves each of them its clients.
func (s *scene) linkIsCut(ctx context.Context) error {
	asks, err := s.kubectlTakes(ctx, "edge1 Ready")
	if err != nil {
		return err
	}
	poll := stage.StartPoll(ctx, s.Dial(client, vip+":80"))
	defer poll.End()
	began := time.Now()
	if err := s.separate(true); err != nil {
		return err
	}
	s.Note("no frame passes between %s and %s; both reach %s and %s", edge1, edge2, client, server)
	// Asked last when it had not yet become Active.
	var active time.Time
	if _, err := stage.Until(ctx, 2*takeOverBound, func() (bool, error) {
		asked := time.Now()
		held, err := s.HoldsVIP(ctx, edge2, vip)
		if !held {
			active = asked
		}
		return held, err
	}); err != nil {
		return fmt.Errorf("%s does not become Active: %w", edge2, err)
	}
	if err := s.Check(active.Sub(began) <= takeOverBound,
		fmt.Sprintf("%s is Active within 3*interval + skew + 0.5 s = %.2f s", edge2, takeOverBound.Seconds()), "%.2f s", active.Sub(began).Seconds()); err != nil {
		return err
	}
	if err := s.await(ctx, "edge1,edge2 TwoActives"); err != nil {
		return err
	}
	told := time.Since(active)
	out, err := s.Control.Kubectl(ctx, nil, "get", "dg,lvsvs", "-A")
	if err != nil {
		return err
	}
	s.Block("kubectl get dg,lvsvs -A", out)
	if err := s.Check(told <= toldBound+slack+2*asks, fmt.Sprintf("that says TwoActives within %.0f s of %s becoming Active, 0.5 s for an emulated one, and two times of kubectl, %.2f s", toldBound.Seconds(), edge2, asks.Seconds()), "%.2f s", told.Seconds()); err != nil {
		return err
	}
	if err := s.hasEvent(ctx, "TwoActives", "directors edge1,edge2 all report being Active"); err != nil {
		return err
	}
	s.Note("%s meanwhile: both directors serve", stage.OutcomeOf(poll.End(), began, time.Now()))
	return nil
}

// separate lets frames pass between the directors, or not; they reach everybody else all the time.
func (s *scene) separate(apart bool) error {
	return errors.Join(s.Host(edge1).SetIsolated(apart), s.Host(edge2).SetIsolated(apart))
}

// kubectlTakes is the time of one question, of which the answer is known.
func (s *scene) kubectlTakes(ctx context.Context, present string) (time.Duration, error) {
	began := time.Now()
	err := s.await(ctx, present)
	return time.Since(began), err
}
