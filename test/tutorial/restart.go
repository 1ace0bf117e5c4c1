// SPDX-License-Identifier: Apache-2.0

package tutorial

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// agentRestarts kills the Active director's agent and starts it again: the kernel's tables and connections are not its life.
func agentRestarts(ctx context.Context, s *scene) error {
	hold := s.startHold(ctx)
	defer func() { _, _ = hold.end() }()
	select {
	case server := <-hold.connected:
		s.note("a client holds a connection to %s through %s", server, target)
	case <-time.After(10 * time.Second):
		return errors.New("the client that holds a connection did not get one")
	}
	before, err := s.table(ctx, master)
	if err != nil {
		return err
	}
	s.agents[master].kill()
	if err := s.startAgent(ctx, master); err != nil {
		return err
	}
	if err := s.agentServes(ctx, master, 1); err != nil {
		return err
	}
	// Two read-backs more: what the agent has to say about drift, it has said by then.
	if err := s.listen(ctx, 12*time.Second); err != nil {
		return err
	}
	changes, err := s.metric(ctx, master, "lvs_agent_kernel_operations_total")
	if err != nil {
		return err
	}
	if err := s.check(changes == 0, "0 changes of the kernel by the agent that was started again", "%.0f changes", changes); err != nil {
		return err
	}
	held, err := hold.end()
	if err != nil {
		return err
	}
	if err := s.check(held.Failure == "" && held.Echoes > 0, "the established connection lives on",
		"%d echoes of %s, the slowest after %.0f ms, failure: %q", held.Echoes, held.Answer, held.LongestMilliseconds, held.Failure); err != nil {
		return err
	}
	active, err := s.settled(ctx, master, youzhibing, youzhibing03)
	if err != nil {
		return err
	}
	after, err := s.table(ctx, master)
	if err != nil {
		return err
	}
	s.block("ipvsadm -Ln before", before)
	s.block("ipvsadm -Ln after", after)
	return s.check(active, master+" is Active, and both real servers are in the table", "%t", active)
}

// agentServes waits until an agent that was started has made a pass; complete is 1 with, 0 without an API server.
func (s *scene) agentServes(ctx context.Context, host string, complete float64) error {
	defer s.waiting("waiting for the agent on %s", host)()
	if _, err := until(ctx, patience, func() (bool, error) {
		passes, err := s.metric(ctx, host, "lvs_agent_passes_total")
		if err != nil || passes == 0 {
			return false, err
		}
		seen, err := s.metric(ctx, host, "lvs_agent_view_complete")
		return seen == complete, err
	}); err != nil {
		return fmt.Errorf("the agent on %s does not serve: %w", host, err)
	}
	return nil
}
