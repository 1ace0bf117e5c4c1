// SPDX-License-Identifier: Apache-2.0

package elections

import (
	"context"
	"fmt"
	"strings"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// spreads gives the group a second virtual router.
func (s *scene) spreads(ctx context.Context) error {
	out, err := s.Control.Kubectl(ctx, nil, "patch", "dg", "pair", "--type=merge", "-p", `{"spec":{"vrrp":{"priorities":null,"virtualRouters":2}}}`)
	if err != nil {
		return err
	}
	s.Block("kubectl patch dg pair: virtualRouters: 2, and priorities are the group's to give", out)
	return s.isSpread(ctx)
}

// isSpread waits until each director has one virtual IP, and asks for an answer of each.
func (s *scene) isSpread(ctx context.Context) error {
	var holders map[string]string
	took, err := stage.Until(ctx, stage.Patience, func() (_ bool, err error) {
		holders, err = s.holders(ctx)
		return oneEach(holders), err
	})
	if err := s.Check(err == nil, "each director is Active for one virtual IP", "%s on %s, %s on %s after %.1f s", vip, holders[vip], second, holders[second], took.Seconds()); err != nil {
		return err
	}
	if err := s.await(ctx, "edge1,edge2 Ready"); err != nil {
		return err
	}
	out, err := s.Control.Kubectl(ctx, nil, "get", "dg,lvsvs", "-A")
	if err != nil {
		return err
	}
	s.Block("kubectl get dg,lvsvs -A", out)
	return s.bothAnswer(ctx)
}

func (s *scene) bothAnswer(ctx context.Context) error {
	for _, address := range []string{vip, second} {
		answers, err := stage.Spread(ctx, s.DialFresh(client, fmt.Sprintf("%s:%d", address, port)), 4)
		if err != nil {
			return fmt.Errorf("%s: %w", address, err)
		}
		s.Note("%s answers: %s", address, strings.TrimSpace(stage.Counts(answers)))
	}
	return nil
}

// diesAndReturns takes a director away as a power cut does, and brings it back.
func (s *scene) diesAndReturns(ctx context.Context) error {
	s.KillAgent(edge2)
	if err := s.Host(edge2).LinkDown(); err != nil {
		return err
	}
	if err := s.Administer(ctx, edge2, "ip address flush dev eth0 to 192.0.2.200/31"); err != nil {
		return err
	}
	done := s.Waiting("waiting for %s to take over", edge1)
	err := s.hold(ctx, map[string]string{vip: edge1, second: edge1})
	done()
	if err != nil {
		return err
	}
	if err := s.bothAnswer(ctx); err != nil {
		return err
	}
	if err := s.Host(edge2).LinkUp(); err != nil {
		return err
	}
	if err := s.StartAgent(ctx, edge2); err != nil {
		return err
	}
	return s.isSpread(ctx)
}
