// SPDX-License-Identifier: Apache-2.0

package tutorial

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"
)

// patience bounds waits whose length says nothing about the operator: programs starting on a slow, emulated machine.
const patience = 90 * time.Second

// configure applies the tutorial's objects and waits until both directors run them.
func configure(ctx context.Context, s *scene) error {
	if err := s.agentsRun(ctx); err != nil {
		return err
	}
	applied, err := s.control.Apply(ctx, filepath.Join(s.setup.Samples, "tutorial"), "web", "tomcat")
	if err != nil {
		return err
	}
	s.block("kubectl apply", applied.Output)
	for _, director := range []string{master, brucelee} {
		table, err := s.run(ctx, director, "ipvsadm", "-S", "-n")
		if err != nil {
			return err
		}
		if err := s.check(strings.Contains(table, "-A -t "+target+" -s wrr"), "the service is in "+director+"'s kernel when Programmed=True", "%q", strings.TrimSpace(table)); err != nil {
			return err
		}
	}
	if err := s.check(applied.Programmed < time.Second, "from kubectl apply to Programmed=True on both directors in less than 1 s",
		"%.2f s, of which kubectl apply itself %.2f s", applied.Programmed.Seconds(), applied.Kubectl.Seconds()); err != nil {
		return err
	}
	return s.comesUp(ctx)
}

// agentsRun waits until every agent runs and has reached the API server.
func (s *scene) agentsRun(ctx context.Context) error {
	defer s.waiting("waiting for the agents to run")()
	for host := range s.agents {
		if _, err := until(ctx, patience, func() (bool, error) {
			connected, err := s.metric(ctx, host, "lvs_agent_api_connected")
			return connected == 1, err
		}); err != nil {
			return fmt.Errorf("the agent on %s does not reach the API server: %w", host, err)
		}
	}
	return nil
}

// comesUp waits until the pair is as the tutorial wants it: master Active, both real servers healthy on both directors.
func (s *scene) comesUp(ctx context.Context) error {
	done := s.waiting("waiting for the first election and the first checks")
	_, err := until(ctx, patience, func() (bool, error) { return s.settled(ctx, master, youzhibing, youzhibing03) })
	done()
	if err != nil {
		return fmt.Errorf("master is not Active with two healthy real servers: %w", err)
	}
	out, err := s.control.Kubectl(ctx, nil, "get", "lvs", "-A")
	if err != nil {
		return err
	}
	s.block("kubectl get lvs -A", out)
	return s.showTable(ctx, master)
}

// settled says whether a director, and no other, has the virtual IP, and both directors have the real servers.
func (s *scene) settled(ctx context.Context, active string, realServers ...string) (bool, error) {
	for _, director := range []string{master, brucelee} {
		vip, err := s.holdsVIP(ctx, director)
		if err != nil || vip != (director == active) {
			return false, err
		}
		for _, realServer := range realServers {
			if has, err := s.has(ctx, director, realServer); err != nil || !has {
				return false, err
			}
		}
	}
	return true, nil
}

// realServersSetUp looks at what the guide's script did by hand.
func realServersSetUp(ctx context.Context, s *scene) error {
	for _, host := range []string{youzhibing, youzhibing03} {
		addresses, err := s.run(ctx, host, "ip", "-o", "-4", "address", "show", "dev", "lo")
		if err != nil {
			return err
		}
		settings, err := s.run(ctx, host, "sysctl", "-n", "net.ipv4.conf.lo.arp_ignore", "net.ipv4.conf.lo.arp_announce",
			"net.ipv4.conf.all.arp_ignore", "net.ipv4.conf.all.arp_announce")
		if err != nil {
			return err
		}
		settings = strings.Join(strings.Fields(settings), " ")
		labelled := strings.Contains(addresses, vip+"/32") && strings.Contains(addresses, "lo:lvs")
		if err := s.check(labelled && settings == "1 2 1 2",
			host+": "+vip+"/32 on lo, labelled; arp_ignore=1 and arp_announce=2 on lo and all",
			"labelled on lo: %t; lo.arp_ignore, lo.arp_announce, all.arp_ignore, all.arp_announce: %s", labelled, settings); err != nil {
			return err
		}
	}
	return nil
}
