// SPDX-License-Identifier: Apache-2.0

package cachecluster

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// configure applies the objects and looks at what the agents made of them.
func (s *scene) configure(ctx context.Context) error {
	if err := s.AgentsRun(ctx); err != nil {
		return err
	}
	for _, director := range directors() {
		kernel, err := s.kernel(ctx, director)
		if err != nil {
			return err
		}
		s.before[director] = kernel
	}
	applied, err := s.Control.Apply(ctx, filepath.Join(s.Setup.Samples, "cache-cluster"), "caches", "web")
	if err != nil {
		return err
	}
	s.Block("kubectl apply", applied.Output)
	for _, director := range directors() {
		if err := s.marksAreSet(ctx, director); err != nil {
			return err
		}
	}
	if err := s.comesUp(ctx, gate1); err != nil {
		return err
	}
	return s.ShowTable(ctx, gate1)
}

// marksAreSet looks at the nftables table, the policy route and the IPVS service of a director.
func (s *scene) marksAreSet(ctx context.Context, director string) error {
	for _, look := range []struct{ command, has string }{
		{"nft list table inet lvs-operator", "0x00000064"},
		{"ip rule", "fwmark 0x64 lookup 7676"},
		{"ip route show table 7676", "local default dev lo"},
		{"ipvsadm -S -n", fmt.Sprintf("-A -f %d -s lblc", mark)},
	} {
		out, err := s.Run(ctx, director, strings.Fields(look.command)...)
		if err != nil {
			return err
		}
		if director == gate1 {
			s.Block(look.command+" on "+director, out)
		}
		if err := s.Check(strings.Contains(out, look.has), look.command+" on "+director+" has "+look.has, "%t", strings.Contains(out, look.has)); err != nil {
			return err
		}
	}
	return nil
}

// comesUp waits until a director, and no other, is the gateway, and each has the three caches.
func (s *scene) comesUp(ctx context.Context, active string) error {
	defer s.Waiting("waiting for %s to be the gateway and for the checks of the caches", active)()
	var pieces []string
	for _, cache := range caches() {
		pieces = append(pieces, fmt.Sprintf("-a -f %d -r %s:0 -g -w %d", mark, s.Host(cache).Address(), weight))
	}
	if err := s.AwaitSaved(ctx, pieces, directors()...); err != nil {
		return err
	}
	for _, director := range directors() {
		if _, err := stage.Until(ctx, stage.Patience, func() (bool, error) {
			holds, err := s.HoldsVIP(ctx, director, gateway)
			return holds == (director == active), err
		}); err != nil {
			return fmt.Errorf("%s on %s: want it on %s alone: %w", gateway, director, active, err)
		}
	}
	return nil
}

// kernel is all that a director's kernel has of what the operator writes, as one text.
func (s *scene) kernel(ctx context.Context, director string) (string, error) {
	var all strings.Builder
	for _, command := range []string{
		"nft list ruleset", "ip rule", "ip -6 rule", "ip -4 route show table all", "ip -o -4 address", "ipvsadm -S -n",
	} {
		out, err := s.Run(ctx, director, strings.Fields(command)...)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&all, "%s:\n%s", command, out)
	}
	return all.String(), nil
}
