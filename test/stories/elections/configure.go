// SPDX-License-Identifier: Apache-2.0

package elections

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// configure applies the objects and waits until the first director serves.
func (s *scene) configure(ctx context.Context) error {
	if err := s.AgentsRun(ctx); err != nil {
		return err
	}
	out, err := s.Control.Kubectl(ctx, strings.NewReader(objects), "apply", "-f", "-")
	if err != nil {
		return err
	}
	s.Block("kubectl apply", out)
	if err := s.await(ctx, "edge1 Ready"); err != nil {
		return err
	}
	return s.hold(ctx, map[string]string{vip: edge1, second: edge1})
}

// hold waits until each virtual IP is on the director that is named for it, and on no other.
func (s *scene) hold(ctx context.Context, want map[string]string) error {
	var holders map[string]string
	_, err := stage.Until(ctx, stage.Patience, func() (_ bool, err error) {
		holders, err = s.holders(ctx)
		return maps.Equal(holders, want), err
	})
	if err != nil {
		return fmt.Errorf("the virtual IPs are on %v and not on %v: %w", holders, want, err)
	}
	return nil
}

// holders are the directors that each virtual IP is on.
func (s *scene) holders(ctx context.Context) (map[string]string, error) {
	holders := map[string]string{}
	for _, address := range []string{vip, second} {
		var on []string
		for _, director := range []string{edge1, edge2} {
			held, err := s.HoldsVIP(ctx, director, address)
			if err != nil {
				return nil, err
			}
			if held {
				on = append(on, director)
			}
		}
		holders[address] = strings.Join(on, ",")
	}
	return holders, nil
}

// await waits until the DirectorGroup's status names the Active directors, and Ready has the reason.
func (s *scene) await(ctx context.Context, want string) error {
	var told string
	_, err := stage.Until(ctx, stage.Patience, func() (bool, error) {
		out, err := s.Control.Kubectl(ctx, nil, "get", "dg", "pair", "-o", `jsonpath={.status.active} {.status.conditions[?(@.type=="Ready")].reason}`)
		told = strings.TrimSpace(out)
		return told == want, err
	})
	if err != nil {
		return fmt.Errorf("the DirectorGroup's status says %q and not %q: %w", told, want, err)
	}
	return nil
}

// hasEvent waits until exactly one event of the reason tells this.
func (s *scene) hasEvent(ctx context.Context, reason, note string) error {
	var notes string
	_, err := stage.Until(ctx, stage.Patience, func() (bool, error) {
		out, err := s.Control.Kubectl(ctx, nil, "get", "events.events.k8s.io", "-A", "-o", `jsonpath={range .items[?(@.reason=="`+reason+`")]}{.note}{"\n"}{end}`)
		notes = strings.TrimSpace(out)
		return notes != "", err
	})
	return s.Check(err == nil && strings.HasPrefix(notes, note) && !strings.Contains(notes, "\n"), "one event "+reason+" tells it", "%s", notes)
}

// oneEach says whether each director has one of the virtual IPs.
func oneEach(holders map[string]string) bool {
	return slices.Equal(slices.Sorted(maps.Values(holders)), []string{edge1, edge2})
}
