// SPDX-License-Identifier: Apache-2.0

package tutorial

import (
	"context"
)

// noAPIServer shows that health, failover and even the start of an agent need no API server.
func noAPIServer(ctx context.Context, s *scene) error {
	if err := s.control.StopAPIServer(ctx); err != nil {
		return err
	}
	s.note("kube-apiserver has ended")
	if err := s.stopRealServer(ctx, youzhibing, master, brucelee); err != nil {
		return err
	}
	s.agents[brucelee].kill()
	if err := s.startAgent(ctx, brucelee); err != nil {
		return err
	}
	if err := s.agentServes(ctx, brucelee, 0); err != nil {
		return err
	}
	changes, err := s.metric(ctx, brucelee, "lvs_agent_kernel_operations_total")
	if err != nil {
		return err
	}
	if err := s.check(changes == 0, "the agent on "+brucelee+", killed and started again, serves from its checkpoint: 0 changes", "%.0f changes", changes); err != nil {
		return err
	}
	if err := s.failOver(ctx, master, brucelee); err != nil {
		return err
	}
	if err := s.handBack(ctx, master); err != nil {
		return err
	}
	complete, err := s.metric(ctx, master, "lvs_agent_view_complete")
	if err != nil {
		return err
	}
	if err := s.check(complete == 0, master+"'s agent, started without an API server, serves from its checkpoint",
		"it has seen the API server: %t", complete == 1); err != nil {
		return err
	}
	answers, err := s.spread(ctx, connections)
	if err != nil {
		return err
	}
	if err := s.check(answers[youzhibing03] == connections, "100 connections, all to the real server that lives", "%s", counts(answers)); err != nil {
		return err
	}
	return s.showTable(ctx, master)
}

// apiServerReturns ends the outage: agents report again, and the world is as it was.
func apiServerReturns(ctx context.Context, s *scene) error {
	if err := s.control.StartAPIServer(ctx); err != nil {
		return err
	}
	if err := s.startServer(ctx, youzhibing); err != nil {
		return err
	}
	done := s.waiting("waiting for the agents to find the API server again")
	for _, director := range []string{master, brucelee} {
		if err := s.agentServes(ctx, director, 1); err != nil {
			done()
			return err
		}
	}
	if _, err := until(ctx, patience, func() (bool, error) { return s.settled(ctx, master, youzhibing, youzhibing03) }); err != nil {
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
