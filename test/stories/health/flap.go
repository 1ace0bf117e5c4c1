// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"strings"
	"time"
)

// flapCount is how often a web server goes down and comes up again.
const flapCount = 20

// flaps has one web server die and live again, and counts what that costs.
func (s *scene) flaps(ctx context.Context) error {
	if err := s.bothServe(ctx, shop, all(shop, webServers()...)...); err != nil {
		return err
	}
	if err := s.ready(ctx, "shop", "Ready"); err != nil {
		return err
	}
	before, err := s.Metric(ctx, edge1, "lvs_agent_kernel_operations_total")
	if err != nil {
		return err
	}
	versions := map[string]bool{}
	began := time.Now()
	for range flapCount {
		s.KillServer("web3", port)
		if _, err := s.serve(ctx, edge1, shop, all(shop, "web1", "web2")...); err != nil {
			return err
		}
		if err := s.StartServer(ctx, "web3", port); err != nil {
			return err
		}
		if _, err := s.serve(ctx, edge1, shop, all(shop, webServers()...)...); err != nil {
			return err
		}
		version, err := s.Control.Kubectl(ctx, nil, "get", "nodestate", edge1, "-o", "jsonpath={.metadata.resourceVersion}")
		if err != nil {
			return err
		}
		versions[strings.TrimSpace(version)] = true
	}
	took := time.Since(began)
	if err := s.bothServe(ctx, catalogue, all(catalogue, webServers()...)...); err != nil {
		return err
	}
	after, err := s.Metric(ctx, edge1, "lvs_agent_kernel_operations_total")
	if err != nil {
		return err
	}
	// Out and in, of two services; each has checks of its own, and the catalogue's may miss a short flap.
	if err := s.Check(after-before >= 2*flapCount && after-before <= 4*flapCount, "only its own entries change in the kernel", "%d flaps, %.0f changes", flapCount, after-before); err != nil {
		return err
	}
	// One was there, one may have been on its way, one is written at once, and one every ten seconds after that.
	most := 3 + int(took/(10*time.Second))
	return s.Check(len(versions) <= most, "the director's report is not written at each flap", "%d versions of NodeState edge1 in %.0f s", len(versions), took.Seconds())
}
