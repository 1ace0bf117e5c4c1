// SPDX-License-Identifier: Apache-2.0

package sandwich

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// configure applies the objects and waits until both directors are next hops.
func (s *scene) configure(ctx context.Context) error {
	if err := s.AgentsRun(ctx); err != nil {
		return err
	}
	applied, err := s.Control.Apply(ctx, filepath.Join(s.Setup.Samples, "firewall-sandwich"), "firewalls", "outbound")
	if err != nil {
		return err
	}
	s.Block("kubectl apply", applied.Output)
	for _, director := range []struct{ name, nextHop, scheduler, network string }{
		{outer, outerNextHop, "sh", "198.51.100"},
		{inner, innerNextHop, "dh", "192.0.2"},
	} {
		if err := s.comesUp(ctx, director.name, director.nextHop, []string{
			fmt.Sprintf("-A -f %d -s %s", mark, director.scheduler),
			fmt.Sprintf("-a -f %d -r %s.11:0 -g -w 1", mark, director.network),
			fmt.Sprintf("-a -f %d -r %s.12:0 -g -w 1", mark, director.network),
		}); err != nil {
			return err
		}
		if err := s.ShowTable(ctx, director.name); err != nil {
			return err
		}
	}
	out, err := s.Control.Kubectl(ctx, nil, "get", "dg,lvsvs", "-A")
	if err != nil {
		return err
	}
	s.Block("kubectl get dg,lvsvs -A", out)
	return nil
}

// comesUp waits until a director is a next hop, with the pieces of text in its saved IPVS table.
func (s *scene) comesUp(ctx context.Context, director, nextHop string, pieces []string) error {
	defer s.Waiting("waiting for %s to be the next hop %s", director, nextHop)()
	if err := s.AwaitSaved(ctx, pieces, director); err != nil {
		return err
	}
	if _, err := stage.Until(ctx, stage.Patience, func() (bool, error) { return s.HoldsVIP(ctx, director, nextHop) }); err != nil {
		return fmt.Errorf("%s does not get %s: %w", director, nextHop, err)
	}
	return nil
}
