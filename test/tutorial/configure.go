// SPDX-License-Identifier: Apache-2.0

package tutorial

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// On a quiet machine kubectl apply itself takes quietKubectl at most, and everything is programmed within a second. Where other work,
// or a slow emulated processor, makes the one slower, it does the other too, and the hosts' emulated processors more than kubectl:
// programmedPerKubectl bounds it then.
const (
	quietKubectl         = 250 * time.Millisecond
	programmedPerKubectl = 5
)

// programmedBound is how long it may take from kubectl apply until all is programmed, given what kubectl itself took.
func programmedBound(kubectl time.Duration) time.Duration {
	if kubectl <= quietKubectl {
		return time.Second
	}
	return max(time.Second, programmedPerKubectl*kubectl)
}

// configure applies the tutorial's objects and waits until both directors run them.
func (s *scene) configure(ctx context.Context) error {
	if err := s.AgentsRun(ctx); err != nil {
		return err
	}
	applied, err := s.Control.Apply(ctx, filepath.Join(s.Setup.Samples, "tutorial"), "web", "tomcat")
	if err != nil {
		return err
	}
	s.Block("kubectl apply", applied.Output)
	for _, director := range []string{master, brucelee} {
		table, err := s.Saved(ctx, director)
		if err != nil {
			return err
		}
		if err := s.Check(strings.Contains(table, "-A -t "+target+" -s wrr"), "the service is in "+director+"'s kernel when Programmed=True", "%q", strings.TrimSpace(table)); err != nil {
			return err
		}
	}
	bound := programmedBound(applied.Kubectl)
	if err := s.Check(applied.Programmed < bound, fmt.Sprintf("from kubectl apply to Programmed=True on both directors in less than %.1f s", bound.Seconds()),
		"%.2f s, of which kubectl apply itself %.2f s", applied.Programmed.Seconds(), applied.Kubectl.Seconds()); err != nil {
		return err
	}
	return s.comesUp(ctx)
}

// comesUp waits until the pair is as the tutorial wants it: master Active, both real servers healthy on both directors.
func (s *scene) comesUp(ctx context.Context) error {
	done := s.Waiting("waiting for the first election and the first checks")
	_, err := stage.Until(ctx, stage.Patience, func() (bool, error) { return s.settled(ctx, master, youzhibing, youzhibing03) })
	done()
	if err != nil {
		return fmt.Errorf("master is not Active with two healthy real servers: %w", err)
	}
	out, err := s.Control.Kubectl(ctx, nil, "get", "lvs", "-A")
	if err != nil {
		return err
	}
	s.Block("kubectl get lvs -A", out)
	return s.ShowTable(ctx, master)
}

// settled says whether a director, and no other, has the virtual IP, and both directors have the real servers.
func (s *scene) settled(ctx context.Context, active string, realServers ...string) (bool, error) {
	for _, director := range []string{master, brucelee} {
		vip, err := s.HoldsVIP(ctx, director, vip)
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
func (s *scene) realServersSetUp(ctx context.Context) error {
	for _, host := range []string{youzhibing, youzhibing03} {
		addresses, err := s.Run(ctx, host, "ip", "-o", "-4", "address", "show", "dev", "lo")
		if err != nil {
			return err
		}
		settings, err := s.Run(ctx, host, "sysctl", "-n", "net.ipv4.conf.lo.arp_ignore", "net.ipv4.conf.lo.arp_announce",
			"net.ipv4.conf.all.arp_ignore", "net.ipv4.conf.all.arp_announce")
		if err != nil {
			return err
		}
		settings = strings.Join(strings.Fields(settings), " ")
		labelled := strings.Contains(addresses, vip+"/32") && strings.Contains(addresses, "lo:lvs")
		if err := s.Check(labelled && settings == "1 2 1 2",
			host+": "+vip+"/32 on lo, labelled; arp_ignore=1 and arp_announce=2 on lo and all",
			"labelled on lo: %t; lo.arp_ignore, lo.arp_announce, all.arp_ignore, all.arp_announce: %s", labelled, settings); err != nil {
			return err
		}
	}
	return nil
}
