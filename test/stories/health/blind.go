// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// isBlind has two web servers drop what comes from the Active director itself. Packets that it forwards come from clients.
func (s *scene) isBlind(ctx context.Context) error {
	if err := s.bothServe(ctx, catalogue, all(catalogue, webServers()...)...); err != nil {
		return err
	}
	if _, err := s.holder(ctx, catalogue, edge1, edge2); err != nil {
		return err
	}
	poll := stage.StartPoll(ctx, s.DialFresh(client, fmt.Sprintf("%s:%d", catalogue, port)))
	defer poll.End()
	began := time.Now()
	for _, web := range []string{"web1", "web2"} {
		if err := s.Administer(ctx, web, "nft add table ip deaf", "nft add chain ip deaf input { type filter hook input priority 0 ; }",
			"nft add rule ip deaf input ip saddr 192.0.2.1 drop"); err != nil {
			return err
		}
	}
	took, err := s.holder(ctx, catalogue, edge2, edge1)
	if err != nil {
		return err
	}
	lowered, err := s.Control.Kubectl(ctx, nil, "get", "nodestate", edge1, "-o", "jsonpath={.status.directorGroups[0].virtualRouters[0].lowered}")
	if err != nil {
		return err
	}
	if err := s.Check(strings.TrimSpace(lowered) == "RealServersDown", "edge1 lowers its priority, and edge2 takes over", "%.1f s after it became blind", took.Seconds()); err != nil {
		return err
	}
	if _, err := s.serve(ctx, edge1, catalogue, all(catalogue, webServers()...)...); err != nil {
		return err
	}
	outcome := stage.OutcomeOf(poll.End(), began, time.Now())
	if err := s.Check(outcome.NoneFailed(), "edge1 kept sending the catalogue's connections to all meanwhile", "%s", outcome); err != nil {
		return err
	}
	for _, web := range []string{"web1", "web2"} {
		if err := s.Administer(ctx, web, "nft delete table ip deaf"); err != nil {
			return err
		}
	}
	if _, err := s.holder(ctx, catalogue, edge1, edge2); err != nil {
		return err
	}
	return s.bothServe(ctx, shop, all(shop, webServers()...)...)
}

// allAreDead kills every web server.
func (s *scene) allAreDead(ctx context.Context) error {
	for _, web := range webServers() {
		s.Note("%s# kill -9 $(pidof hosttool)", web)
		s.KillServer(web, port)
	}
	if err := s.bothServe(ctx, shop, line(shop, "192.0.2.21", 1)); err != nil {
		return err
	}
	if err := s.ready(ctx, "catalogue", "PanicThreshold"); err != nil {
		return err
	}
	if err := s.tells(ctx, "catalogue", "PanicThreshold"); err != nil {
		return err
	}
	// Both directors have lowered their priority by now: it takes five seconds.
	if err := stage.Listen(ctx, 8*time.Second); err != nil {
		return err
	}
	if err := s.bothServe(ctx, catalogue, all(catalogue, webServers()...)...); err != nil {
		return err
	}
	held, err := s.HoldsVIP(ctx, edge1, catalogue)
	if err != nil {
		return err
	}
	lowered, err := s.Control.Kubectl(ctx, nil, "get", "nodestate", "-o", "jsonpath={.items[*].status.directorGroups[0].virtualRouters[0].lowered}")
	if err != nil {
		return err
	}
	if err := s.Check(held && strings.TrimSpace(lowered) == "RealServersDown RealServersDown", "edge1 stays Active, as the other one agrees", "lowered: %s", lowered); err != nil {
		return err
	}
	for _, web := range webServers() {
		if err := s.StartServer(ctx, web, port); err != nil {
			return err
		}
	}
	return s.bothServe(ctx, catalogue, all(catalogue, webServers()...)...)
}
