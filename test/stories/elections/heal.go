// SPDX-License-Identifier: Apache-2.0

package elections

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// linkIsWhole joins the directors again: the one of the lower priority yields, and the other takes the clients back.
func (s *scene) linkIsWhole(ctx context.Context) error {
	poll := stage.StartPoll(ctx, s.Dial(client, vip+":80"))
	defer poll.End()
	rightful, err := s.hardwareAddress(ctx, edge1)
	if err != nil {
		return err
	}
	asks, err := s.kubectlTakes(ctx, "edge1,edge2 TwoActives")
	if err != nil {
		return err
	}
	began := time.Now()
	if err := s.separate(false); err != nil {
		return err
	}
	learned, err := stage.Until(ctx, stage.Patience, func() (bool, error) {
		neighbour, err := s.neighbour(ctx)
		return neighbour == rightful, err
	})
	const learnBound = interval + time.Second
	if err := s.Check(err == nil && learned <= learnBound, fmt.Sprintf("the client sends to %s within an interval + 1 s", edge1), "%.2f s", learned.Seconds()); err != nil {
		return err
	}
	_, err = stage.Until(ctx, stage.Patience, func() (bool, error) {
		active, err := s.Metric(ctx, edge2, "lvs_agent_vrrp_active")
		return active == 0, err
	})
	yielded := time.Since(began)
	const yieldBound = interval + 500*time.Millisecond
	if err := s.Check(err == nil && yielded <= yieldBound, fmt.Sprintf("%s is no longer Active within an interval + 0.5 s", edge2), "%.2f s", yielded.Seconds()); err != nil {
		return err
	}
	if err := s.await(ctx, "edge1 Ready"); err != nil {
		return err
	}
	told := time.Since(began) - yielded
	if err := s.Check(told <= toldBound+slack+2*asks, fmt.Sprintf("the DirectorGroup is Ready within %.0f s more, 0.5 s for an emulated one, and two times of kubectl, %.2f s", toldBound.Seconds(), asks.Seconds()), "%.2f s", told.Seconds()); err != nil {
		return err
	}
	if err := s.hasEvent(ctx, "OneActive", "directors edge1,edge2 are no longer Active at the same time: edge1 is now"); err != nil {
		return err
	}
	if err := stage.Listen(ctx, 2*time.Second); err != nil {
		return err
	}
	// Whomever the client sent to while both were Active, by now it is the rightful one.
	if neighbour, err := s.neighbour(ctx); err != nil || neighbour != rightful {
		return fmt.Errorf("the client sends to %s and not to %s, which is Active alone: %w", neighbour, rightful, err)
	}
	outcome := stage.OutcomeOf(poll.End(), began, time.Now())
	return s.Check(outcome.NoneFailed(), "a client that connects all the time sees no connection fail", "%s", outcome)
}

// hardwareAddress is that of a host's eth0.
func (s *scene) hardwareAddress(ctx context.Context, host string) (string, error) {
	out, err := s.Run(ctx, host, "cat", "/sys/class/net/eth0/address")
	return strings.TrimSpace(out), err
}

// neighbour is the hardware address that the client sends to for the virtual IP; empty: it knows none.
func (s *scene) neighbour(ctx context.Context) (string, error) {
	out, err := s.Run(ctx, client, "ip", "neigh", "show", vip, "dev", "eth0")
	_, after, _ := strings.Cut(out, "lladdr ")
	address, _, _ := strings.Cut(after, " ")
	return address, err
}
