// SPDX-License-Identifier: Apache-2.0

package cachecluster

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// gatewayFails has dh spread the web servers, and takes the Active director away as a power cut does.
func (s *scene) gatewayFails(ctx context.Context) error {
	if err := s.SetScheduler(ctx, "caches", "web", "dh", mark, directors()...); err != nil {
		return err
	}
	before, err := s.keepers(ctx)
	if err != nil {
		return err
	}
	if err := s.failOver(ctx); err != nil {
		return err
	}
	after, err := s.keepers(ctx)
	if err != nil {
		return err
	}
	moved := 0
	for number := range before {
		if before[number] != after[number] {
			moved++
		}
	}
	return s.Check(maps.Equal(before, after), "each web server is at the same cache as by the director that died", "%d of %d moved", moved, webServers)
}

// failOver kills the agent of the Active director and pulls its plug under a client that connects all the time.
func (s *scene) failOver(ctx context.Context) error {
	poll := stage.StartPoll(ctx, s.Dial(client, webServer(1)))
	defer poll.End()
	if err := stage.Listen(ctx, time.Second); err != nil {
		return err
	}
	died := time.Now()
	s.KillAgent(gate1)
	if err := s.Host(gate1).LinkDown(); err != nil {
		return err
	}
	gone := time.Now()
	if _, err := stage.Until(ctx, 2*takeOverBound, func() (bool, error) {
		_, answered := stage.Silence(poll.SoFar(), gone)
		return answered, nil
	}); err != nil {
		return fmt.Errorf("nobody answers for %s through %s: %w", webServer(1), gateway, err)
	}
	gap, _ := stage.Silence(poll.End(), gone)
	took := gone.Add(gap).Sub(died)
	return s.Check(took <= takeOverBound,
		fmt.Sprintf("%s is the gateway within 3*interval + skew + 0.5 s = %.2f s", gate2, takeOverBound.Seconds()), "%.2f s after %s died", took.Seconds(), gate1)
}
