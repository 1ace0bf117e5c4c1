// SPDX-License-Identifier: Apache-2.0

package tutorial

import (
	"context"
	"errors"
	"time"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// agentRestarts kills the Active director's agent and starts it again: the kernel's tables and connections are not its life.
func (s *scene) agentRestarts(ctx context.Context) error {
	hold := stage.StartHold(ctx, s.Dial(client, target))
	defer func() { _, _ = hold.End() }()
	select {
	case server := <-hold.Connected:
		s.Note("a client holds a connection to %s through %s", server, target)
	case <-time.After(10 * time.Second):
		return errors.New("the client that holds a connection did not get one")
	}
	before, err := s.Table(ctx, master)
	if err != nil {
		return err
	}
	s.KillAgent(master)
	if err := s.StartAgent(ctx, master); err != nil {
		return err
	}
	if err := s.AgentServes(ctx, master, 1); err != nil {
		return err
	}
	// Two read-backs more: what the agent has to say about drift, it has said by then.
	if err := stage.Listen(ctx, 12*time.Second); err != nil {
		return err
	}
	changes, err := s.Metric(ctx, master, "lvs_agent_kernel_operations_total")
	if err != nil {
		return err
	}
	if err := s.Check(changes == 0, "0 changes of the kernel by the agent that was started again", "%.0f changes", changes); err != nil {
		return err
	}
	held, err := hold.End()
	if err != nil {
		return err
	}
	if err := s.Check(held.Failure == "" && held.Echoes > 0, "the established connection lives on",
		"%d echoes of %s, the slowest after %.0f ms, failure: %q", held.Echoes, held.Answer, held.LongestMilliseconds, held.Failure); err != nil {
		return err
	}
	active, err := s.settled(ctx, master, youzhibing, youzhibing03)
	if err != nil {
		return err
	}
	after, err := s.Table(ctx, master)
	if err != nil {
		return err
	}
	s.Block("ipvsadm -Ln before", before)
	s.Block("ipvsadm -Ln after", after)
	return s.Check(active, master+" is Active, and both real servers are in the table", "%t", active)
}
