// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"context"
	"fmt"
	"strings"
)

// Table is a director's IPVS table as an operator sees it.
func (s *Stage) Table(ctx context.Context, host string) (string, error) {
	return s.Run(ctx, host, "ipvsadm", "-Ln")
}

// ShowTable prints it.
func (s *Stage) ShowTable(ctx context.Context, host string) error {
	table, err := s.Table(ctx, host)
	if err != nil {
		return err
	}
	s.Block("ipvsadm -Ln on "+host, table)
	return nil
}

// Saved is a director's IPVS table as ipvsadm --save prints it: one command line a service and a real server.
func (s *Stage) Saved(ctx context.Context, host string) (string, error) {
	return s.Run(ctx, host, "ipvsadm", "-S", "-n")
}

// HoldsVIP says whether a host has an IPv4 virtual IP on eth0.
func (s *Stage) HoldsVIP(ctx context.Context, host, vip string) (bool, error) {
	addresses, err := s.Run(ctx, host, "ip", "-o", "-4", "address", "show", "dev", "eth0")
	return strings.Contains(addresses, " "+vip+"/"), err
}

// SetScheduler has kubectl change the scheduler of a service by firewall mark, and waits until the directors have it.
func (s *Stage) SetScheduler(ctx context.Context, namespace, name, scheduler string, mark int, directors ...string) error {
	patch := fmt.Sprintf(`{"spec":{"scheduler":%q}}`, scheduler)
	s.Note("kubectl patch lvsvs -n %s %s --type=merge -p '%s'", namespace, name, patch)
	if _, err := s.Control.Kubectl(ctx, nil, "patch", "lvsvs", "-n", namespace, name, "--type=merge", "-p", patch); err != nil {
		return err
	}
	return s.AwaitSaved(ctx, []string{fmt.Sprintf("-A -f %d -s %s", mark, scheduler)}, directors...)
}

// AwaitSaved waits until each director's saved table holds all the pieces of text.
func (s *Stage) AwaitSaved(ctx context.Context, pieces []string, directors ...string) error {
	for _, director := range directors {
		var saved string
		if _, err := Until(ctx, Patience, func() (holds bool, err error) {
			saved, err = s.Saved(ctx, director)
			for _, piece := range pieces {
				if !strings.Contains(saved, piece) {
					return false, err
				}
			}
			return true, err
		}); err != nil {
			return fmt.Errorf("the IPVS table of %s is not as expected (%s): %w; it is %q", director, strings.Join(pieces, "; "), err, saved)
		}
	}
	return nil
}
