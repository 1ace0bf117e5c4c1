// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"context"
	"fmt"
)

// StartAgent starts a node's agent as the DaemonSet does, with the service account that config/ ships.
func (s *Stage) StartAgent(ctx context.Context, host string) error {
	p, err := s.Start(ctx, host, s.File("agent"),
		"--kubeconfig="+s.Setup.AgentKubeconfig,
		"--node-name="+host,
		"--namespace=lvs-operator-system",
		"--state-dir="+s.File("state-"+host),
		"--metrics-bind-address="+agentMetrics)
	if err != nil {
		return err
	}
	s.agents[host] = p
	return nil
}

// KillAgent ends a node's agent as a crash does.
func (s *Stage) KillAgent(host string) { s.agents[host].Kill() }

// StopAgent ends a node's agent as its DaemonSet does, and returns when it has handed its virtual IPs over.
func (s *Stage) StopAgent(host string) { s.agents[host].Stop() }

// AgentsRun waits until every agent runs and has reached the API server.
func (s *Stage) AgentsRun(ctx context.Context) error {
	defer s.Waiting("waiting for the agents to run")()
	for host := range s.agents {
		if _, err := Until(ctx, Patience, func() (bool, error) {
			connected, err := s.Metric(ctx, host, "lvs_agent_api_connected")
			return connected == 1, err
		}); err != nil {
			return fmt.Errorf("the agent on %s does not reach the API server: %w", host, err)
		}
	}
	return nil
}

// AgentServes waits until an agent that was started has made a pass; complete is 1 with, 0 without an API server.
func (s *Stage) AgentServes(ctx context.Context, host string, complete float64) error {
	defer s.Waiting("waiting for the agent on %s", host)()
	if _, err := Until(ctx, Patience, func() (bool, error) {
		passes, err := s.Metric(ctx, host, "lvs_agent_passes_total")
		if err != nil || passes == 0 {
			return false, err
		}
		seen, err := s.Metric(ctx, host, "lvs_agent_view_complete")
		return seen == complete, err
	}); err != nil {
		return fmt.Errorf("the agent on %s does not serve: %w", host, err)
	}
	return nil
}
