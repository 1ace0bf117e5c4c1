// SPDX-License-Identifier: Apache-2.0

package cachecluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// removeBound is how long the agents may take to remove what is not wanted any more.
const removeBound = 15 * time.Second

// nothingLeft brings the director back, deletes the VirtualService, and compares the directors' kernels with what they were.
func (s *scene) nothingLeft(ctx context.Context) error {
	if err := s.Host(gate1).LinkUp(); err != nil {
		return err
	}
	if err := s.StartAgent(ctx, gate1); err != nil {
		return err
	}
	if err := s.comesUp(ctx, gate1); err != nil {
		return err
	}
	out, err := s.Control.Kubectl(ctx, nil, "delete", "lvsvs", "-n", "caches", "web")
	if err != nil {
		return err
	}
	s.Block("kubectl delete lvsvs -n caches web", out)
	for _, director := range directors() {
		var kernel string
		_, err := stage.Until(ctx, removeBound, func() (bool, error) {
			var err error
			kernel, err = s.kernel(ctx, director)
			return kernel == s.before[director], err
		})
		if err := s.Check(err == nil, director+": nftables, rules, routes, addresses and IPVS are as they were before the first kubectl apply",
			"%s", difference(s.before[director], kernel)); err != nil {
			return err
		}
	}
	return nil
}

// difference lists the lines that only one of two texts has.
func difference(before, after string) string {
	count := map[string]int{}
	for line := range strings.Lines(before) {
		count[line]--
	}
	for line := range strings.Lines(after) {
		count[line]++
	}
	var lines []string
	for _, line := range slices.Sorted(maps.Keys(count)) {
		switch {
		case count[line] < 0:
			lines = append(lines, fmt.Sprintf("gone: %q", line))
		case count[line] > 0:
			lines = append(lines, fmt.Sprintf("new: %q", line))
		}
	}
	if len(lines) == 0 {
		return "no difference"
	}
	return strings.Join(lines, "; ")
}
