// SPDX-License-Identifier: Apache-2.0

package tutorial

import (
	"context"
	"fmt"
	"strings"
	"time"
)

const connections = 100

func evenSpread(ctx context.Context, s *scene) error {
	return s.expectSpread(ctx, 50, 50)
}

// unevenSpread changes one weight, as kubectl edit would, and changes it back.
func unevenSpread(ctx context.Context, s *scene) error {
	if err := s.setWeights(ctx, 3, 1); err != nil {
		return err
	}
	if err := s.expectSpread(ctx, 75, 25); err != nil {
		return err
	}
	return s.setWeights(ctx, 3, 3)
}

func (s *scene) expectSpread(ctx context.Context, first, second int) error {
	answers, err := s.spread(ctx, connections)
	if err != nil {
		return err
	}
	if err := s.check(answers[youzhibing] == first && answers[youzhibing03] == second,
		fmt.Sprintf("%d fresh connections of one client: %s %d, %s %d", connections, youzhibing, first, youzhibing03, second),
		"%s", counts(answers)); err != nil {
		return err
	}
	return s.showTable(ctx, master)
}

// setWeights writes the pool's weights and waits until both directors have them.
func (s *scene) setWeights(ctx context.Context, first, second int) error {
	members := fmt.Sprintf(`{"spec":{"members":[{"address":%q,"weight":%d},{"address":%q,"weight":%d}]}}`,
		s.hosts[youzhibing].Address(), first, s.hosts[youzhibing03].Address(), second)
	if _, err := s.control.Kubectl(ctx, nil, "patch", "rsp", "-n", "web", "tomcat", "--type=merge", "-p", members); err != nil {
		return err
	}
	began := time.Now()
	for _, director := range []string{master, brucelee} {
		_, err := until(ctx, patience, func() (bool, error) {
			saved, err := s.run(ctx, director, "ipvsadm", "-S", "-n")
			return strings.Contains(saved, fmt.Sprintf("-r %s:8080 -g -w %d", s.hosts[youzhibing].Address(), first)) &&
				strings.Contains(saved, fmt.Sprintf("-r %s:8080 -g -w %d", s.hosts[youzhibing03].Address(), second)), err
		})
		if err != nil {
			return fmt.Errorf("the weights %d:%d did not reach %s: %w", first, second, director, err)
		}
	}
	s.note("weights %d:%d are in both directors' kernels %.2f s after kubectl patch", first, second, time.Since(began).Seconds())
	return nil
}
