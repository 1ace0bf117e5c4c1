// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// line is that of a real server in a saved IPVS table.
func line(vip, realServer string, weight int) string {
	return fmt.Sprintf("-a -t %s:%d -r %s:%d -g -w %d", vip, port, realServer, port, weight)
}

// serve waits until a director's kernel has exactly these lines for a virtual IP. It says how long that took.
func (s *scene) serve(ctx context.Context, director, vip string, want ...string) (time.Duration, error) {
	slices.Sort(want)
	var there []string
	took, err := stage.Until(ctx, stage.Patience, func() (bool, error) {
		saved, err := s.Saved(ctx, director)
		there = there[:0]
		for one := range strings.Lines(saved) {
			if strings.HasPrefix(one, "-a -t "+vip+":") {
				there = append(there, strings.TrimSpace(one))
			}
		}
		slices.Sort(there)
		return slices.Equal(there, want), err
	})
	if err != nil {
		return took, fmt.Errorf("%s has %q for %s and not %q: %w", director, there, vip, want, err)
	}
	return took, nil
}

// bothServe is serve on both directors.
func (s *scene) bothServe(ctx context.Context, vip string, want ...string) error {
	for _, director := range []string{edge1, edge2} {
		if _, err := s.serve(ctx, director, vip, slices.Clone(want)...); err != nil {
			return err
		}
	}
	return nil
}

// all are the lines of web servers of weight 1.
func all(vip string, webs ...string) []string {
	lines := make([]string, 0, len(webs))
	for _, web := range webs {
		lines = append(lines, line(vip, addressOf(web), 1))
	}
	return lines
}

// ready waits until Ready of a virtual service has the reason.
func (s *scene) ready(ctx context.Context, service, reason string) error {
	var told string
	if _, err := stage.Until(ctx, stage.Patience, func() (bool, error) {
		out, err := s.Control.Kubectl(ctx, nil, "get", "lvsvs", "-n", "shop", service, "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].reason}`)
		told = strings.TrimSpace(out)
		return told == reason, err
	}); err != nil {
		return fmt.Errorf("the condition Ready of %s has the reason %q and not %q: %w", service, told, reason, err)
	}
	return nil
}

// tells waits for an event of a reason about a virtual service, and shows one.
func (s *scene) tells(ctx context.Context, service, reason string) error {
	var notes []string
	_, err := stage.Until(ctx, stage.Patience, func() (bool, error) {
		out, err := s.Control.Kubectl(ctx, nil, "get", "events.events.k8s.io", "-n", "shop", "-o",
			`jsonpath={range .items[?(@.reason=="`+reason+`")]}{.regarding.name}: {.note}{"\n"}{end}`)
		notes = slices.DeleteFunc(strings.Split(strings.TrimSpace(out), "\n"), func(note string) bool { return !strings.HasPrefix(note, service+": ") })
		return len(notes) > 0, err
	})
	return s.Check(err == nil, "an event "+reason+" tells it", "%s", last(notes))
}

// holder waits until a virtual IP is on one director and not on the other. It says how long that took.
func (s *scene) holder(ctx context.Context, vip, director, other string) (time.Duration, error) {
	took, err := stage.Until(ctx, stage.Patience, func() (bool, error) {
		here, err := s.HoldsVIP(ctx, director, vip)
		if err != nil || !here {
			return false, err
		}
		there, err := s.HoldsVIP(ctx, other, vip)
		return !there, err
	})
	if err != nil {
		return took, fmt.Errorf("%s is not on %s alone: %w", vip, director, err)
	}
	return took, nil
}

// answers are who answers connections of the client to the shop.
func (s *scene) answers(ctx context.Context, connections int) (string, error) {
	answers, err := stage.Spread(ctx, s.DialFresh(client, fmt.Sprintf("%s:%d", shop, port)), connections)
	return stage.Counts(answers), err
}

func last(notes []string) string {
	if len(notes) == 0 {
		return "no event"
	}
	return notes[len(notes)-1]
}
