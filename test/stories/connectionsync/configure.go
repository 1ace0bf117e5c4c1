// SPDX-License-Identifier: Apache-2.0

package connectionsync

import (
	"context"
	"path/filepath"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// tables are what each director's IPVS has.
var tables = []string{
	"-a -t 192.0.2.200:80 -r 192.0.2.21:80 -g -w 1", "-a -t 192.0.2.200:80 -r 192.0.2.22:80 -g -w 1",
	"-a -t 192.0.2.201:80 -r 198.51.100.21:80 -m -w 1", "-a -t 192.0.2.201:80 -r 198.51.100.22:80 -m -w 1",
}

// configure applies the objects and waits until the first director serves.
func (s *scene) configure(ctx context.Context) error {
	if err := s.AgentsRun(ctx); err != nil {
		return err
	}
	out, err := s.Control.Kubectl(ctx, nil, "apply", "-f", filepath.Join(s.Setup.Samples, "connection-sync"))
	if err != nil {
		return err
	}
	s.Block("kubectl apply", out)
	done := s.Waiting("waiting for %s to serve", first)
	err = s.AwaitSaved(ctx, tables, first, second)
	if err == nil {
		err = s.serves(ctx, first)
	}
	done()
	if err != nil {
		return err
	}
	daemons, err := s.Run(ctx, first, "ipvsadm", "-L", "--daemon")
	if err != nil {
		return err
	}
	s.Block("ipvsadm -L --daemon on "+first, daemons)
	return nil
}

// serves waits until a director carries the virtual IPs and the gateway.
func (s *scene) serves(ctx context.Context, director string) error {
	_, err := stage.Until(ctx, stage.Patience, func() (bool, error) {
		for _, address := range []string{vip, gateway} {
			if holds, err := s.HoldsVIP(ctx, director, address); err != nil || !holds {
				return false, err
			}
		}
		return true, nil
	})
	return err
}
