// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"fmt"
	"strings"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// withdrawing is what the shop is to do from now on without its quorum.
const withdrawing = `{"spec":{"sorryServer":null,"inhibitOnFailure":true,"quorum":{"weight":2,"withdrawAddress":true}}}`

// withdraws has the shop's virtual IP go with the quorum, and the dead web servers stay without weight.
func (s *scene) withdraws(ctx context.Context) error {
	s.Note("kubectl patch lvsvs -n shop shop --type=merge -p '%s'", withdrawing)
	if _, err := s.Control.Kubectl(ctx, nil, "patch", "lvsvs", "-n", "shop", "shop", "--type=merge", "-p", withdrawing); err != nil {
		return err
	}
	if err := s.bothServe(ctx, shop, all(shop, webServers()...)...); err != nil {
		return err
	}
	if err := s.ready(ctx, "shop", "Ready"); err != nil {
		return err
	}
	for _, web := range []string{"web1", "web2"} {
		s.Note("%s# kill -9 $(pidof hosttool)", web)
		s.KillServer(web, port)
	}
	inhibited := []string{line(shop, addressOf("web1"), 0), line(shop, addressOf("web2"), 0), line(shop, addressOf("web3"), 1)}
	if err := s.bothServe(ctx, shop, inhibited...); err != nil {
		return err
	}
	if err := s.nobodyHolds(ctx, shop); err != nil {
		return err
	}
	if err := s.tells(ctx, "shop", "QuorumLost"); err != nil {
		return err
	}
	for _, web := range []string{"web1", "web2"} {
		if err := s.StartServer(ctx, web, port); err != nil {
			return err
		}
	}
	if err := s.bothServe(ctx, shop, all(shop, webServers()...)...); err != nil {
		return err
	}
	if _, err := s.holder(ctx, shop, edge1, edge2); err != nil {
		return err
	}
	answers, err := s.answers(ctx, 30)
	if err != nil {
		return err
	}
	return s.Check(answers == "web1 10, web2 10, web3 10", "with the quorum the virtual IP is back", "%s", answers)
}

// nobodyHolds waits until no director has a virtual IP, and the Active one has the other.
func (s *scene) nobodyHolds(ctx context.Context, vip string) error {
	var on []string
	_, err := stage.Until(ctx, stage.Patience, func() (bool, error) {
		on = on[:0]
		for _, director := range []string{edge1, edge2} {
			held, err := s.HoldsVIP(ctx, director, vip)
			if err != nil {
				return false, err
			}
			if held {
				on = append(on, director)
			}
		}
		return len(on) == 0, nil
	})
	if err != nil {
		return fmt.Errorf("%s is still on %s: %w", vip, strings.Join(on, ", "), err)
	}
	held, err := s.HoldsVIP(ctx, edge1, catalogue)
	if err != nil {
		return err
	}
	return s.Check(held, "the shop's virtual IP is gone, the catalogue's is there", "%s on nobody", vip)
}
