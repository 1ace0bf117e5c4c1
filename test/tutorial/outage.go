// SPDX-License-Identifier: Apache-2.0

package tutorial

import (
	"context"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// noAPIServer shows that health, failover and even the start of an agent need no API server.
func (s *scene) noAPIServer(ctx context.Context) error {
	if err := s.Control.StopAPIServer(ctx); err != nil {
		return err
	}
	s.Note("kube-apiserver has ended")
	if err := s.stopRealServer(ctx, youzhibing, master, brucelee); err != nil {
		return err
	}
	s.KillAgent(brucelee)
	if err := s.StartAgent(ctx, brucelee); err != nil {
		return err
	}
	if err := s.AgentServes(ctx, brucelee, 0); err != nil {
		return err
	}
	changes, err := s.Metric(ctx, brucelee, "lvs_agent_kernel_operations_total")
	if err != nil {
		return err
	}
	if err := s.Check(changes == 0, "the agent on "+brucelee+", killed and started again, serves from its checkpoint: 0 changes", "%.0f changes", changes); err != nil {
		return err
	}
	if err := s.failOver(ctx, master, brucelee); err != nil {
		return err
	}
	if err := s.handBack(ctx, master); err != nil {
		return err
	}
	complete, err := s.Metric(ctx, master, "lvs_agent_view_complete")
	if err != nil {
		return err
	}
	if err := s.Check(complete == 0, master+"'s agent, started without an API server, serves from its checkpoint",
		"it has seen the API server: %t", complete == 1); err != nil {
		return err
	}
	answers, err := stage.Spread(ctx, s.DialFresh(client, target), connections)
	if err != nil {
		return err
	}
	if err := s.Check(answers[youzhibing03] == connections, "100 connections, all to the real server that lives", "%s", stage.Counts(answers)); err != nil {
		return err
	}
	return s.ShowTable(ctx, master)
}

// apiServerReturns ends the outage: agents report again, and the world is as it was.
func (s *scene) apiServerReturns(ctx context.Context) error {
	if err := s.Control.StartAPIServer(ctx); err != nil {
		return err
	}
	if err := s.StartServer(ctx, youzhibing, port); err != nil {
		return err
	}
	done := s.Waiting("waiting for the agents to find the API server again")
	for _, director := range []string{master, brucelee} {
		if err := s.AgentServes(ctx, director, 1); err != nil {
			done()
			return err
		}
	}
	if _, err := stage.Until(ctx, stage.Patience, func() (bool, error) { return s.settled(ctx, master, youzhibing, youzhibing03) }); err != nil {
		done()
		return err
	}
	done()
	if err := s.expectActive(ctx, master); err != nil {
		return err
	}
	// Weights reach the kernels only through a manager that lives.
	if err := s.setWeights(ctx, 1, 3); err != nil {
		return err
	}
	if err := s.expectSpread(ctx, 25, 75); err != nil {
		return err
	}
	return s.setWeights(ctx, 3, 3)
}
