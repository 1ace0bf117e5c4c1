// SPDX-License-Identifier: Apache-2.0

package tutorial

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

const connections = 100

func (s *scene) evenSpread(ctx context.Context) error {
	return s.expectSpread(ctx, 50, 50)
}

// unevenSpread changes one weight, as kubectl edit would, and changes it back.
func (s *scene) unevenSpread(ctx context.Context) error {
	if err := s.setWeights(ctx, 3, 1); err != nil {
		return err
	}
	if err := s.expectSpread(ctx, 75, 25); err != nil {
		return err
	}
	return s.setWeights(ctx, 3, 3)
}

func (s *scene) expectSpread(ctx context.Context, first, second int) error {
	answers, err := stage.Spread(ctx, s.DialFresh(client, target), connections)
	if err != nil {
		return err
	}
	if err := s.Check(answers[youzhibing] == first && answers[youzhibing03] == second,
		fmt.Sprintf("%d fresh connections of one client: %s %d, %s %d", connections, youzhibing, first, youzhibing03, second),
		"%s", stage.Counts(answers)); err != nil {
		return err
	}
	return s.ShowTable(ctx, master)
}

// setWeights writes the pool's weights and waits until both directors have them.
func (s *scene) setWeights(ctx context.Context, first, second int) error {
	members := fmt.Sprintf(`{"spec":{"members":[{"address":%q,"weight":%d},{"address":%q,"weight":%d}]}}`,
		s.Host(youzhibing).Address(), first, s.Host(youzhibing03).Address(), second)
	if _, err := s.Control.Kubectl(ctx, nil, "patch", "rsp", "-n", "web", "tomcat", "--type=merge", "-p", members); err != nil {
		return err
	}
	began := time.Now()
	for _, director := range []string{master, brucelee} {
		_, err := stage.Until(ctx, stage.Patience, func() (bool, error) {
			saved, err := s.Saved(ctx, director)
			return strings.Contains(saved, fmt.Sprintf("-r %s:8080 -g -w %d", s.Host(youzhibing).Address(), first)) &&
				strings.Contains(saved, fmt.Sprintf("-r %s:8080 -g -w %d", s.Host(youzhibing03).Address(), second)), err
		})
		if err != nil {
			return fmt.Errorf("the weights %d:%d did not reach %s: %w", first, second, director, err)
		}
	}
	s.Note("weights %d:%d are in both directors' kernels %.2f s after kubectl patch", first, second, time.Since(began).Seconds())
	return nil
}
