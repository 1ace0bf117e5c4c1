// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"path/filepath"
	"strings"
)

// configure applies the objects and waits until the first director serves with all web servers.
func (s *scene) configure(ctx context.Context) error {
	if err := s.AgentsRun(ctx); err != nil {
		return err
	}
	applied, err := s.Control.Apply(ctx, filepath.Join(s.Setup.Samples, "health-checks"), "shop", "shop")
	if err != nil {
		return err
	}
	s.Block("kubectl apply", applied.Output)
	for _, vip := range []string{shop, catalogue} {
		if err := s.bothServe(ctx, vip, all(vip, webServers()...)...); err != nil {
			return err
		}
		if _, err := s.holder(ctx, vip, edge1, edge2); err != nil {
			return err
		}
	}
	if err := s.ShowTable(ctx, edge1); err != nil {
		return err
	}
	saved, err := s.Saved(ctx, edge2)
	if err != nil {
		return err
	}
	paths := strings.Count(saved, "-A -f 10")
	if err := s.Check(paths == len(webServers()), "the Backup checks by way of the virtual IP, too", "%d services by mark, each with one web server", paths); err != nil {
		return err
	}
	answers, err := s.answers(ctx, 30)
	if err != nil {
		return err
	}
	return s.Check(answers == "web1 10, web2 10, web3 10", "each web server answers", "%s", answers)
}

// lacksTheAddress takes a virtual IP from a web server, which goes on listening on its own address.
func (s *scene) lacksTheAddress(ctx context.Context) error {
	if err := s.Administer(ctx, "web3", onLo("del", shop)); err != nil {
		return err
	}
	took, err := s.serve(ctx, edge1, shop, all(shop, "web1", "web2")...)
	if err != nil {
		return err
	}
	if _, err := s.serve(ctx, edge2, shop, all(shop, "web1", "web2")...); err != nil {
		return err
	}
	if err := s.bothServe(ctx, catalogue, all(catalogue, webServers()...)...); err != nil {
		return err
	}
	conn, err := s.Dial(client, addressOf("web3")+":80")(ctx)
	if err == nil {
		err = conn.Close()
	}
	if err := s.Check(err == nil, "it is out for the shop alone, though it listens", "%.1f s after the address went", took.Seconds()); err != nil {
		return err
	}
	answers, err := s.answers(ctx, 30)
	if err != nil {
		return err
	}
	if err := s.Check(answers == "web1 15, web2 15", "no connection goes there", "%s", answers); err != nil {
		return err
	}
	if err := s.Administer(ctx, "web3", onLo("add", shop)); err != nil {
		return err
	}
	return s.bothServe(ctx, shop, all(shop, webServers()...)...)
}

// losesTheQuorum kills two servers, and starts one of them again.
func (s *scene) losesTheQuorum(ctx context.Context) error {
	for _, web := range []string{"web1", "web2"} {
		s.Note("%s# kill -9 $(pidof hosttool)", web)
		s.KillServer(web, port)
	}
	apology := []string{line(shop, "192.0.2.21", 1), line(shop, addressOf("web3"), 0)}
	if err := s.bothServe(ctx, shop, apology...); err != nil {
		return err
	}
	answers, err := s.answers(ctx, 20)
	if err != nil {
		return err
	}
	if err := s.Check(answers == "sorry 20", "the sorry server answers every connection", "%s", answers); err != nil {
		return err
	}
	if err := s.tells(ctx, "shop", "SorryServer"); err != nil {
		return err
	}
	out, err := s.Control.Kubectl(ctx, nil, "get", "lvsvs", "-n", "shop")
	if err != nil {
		return err
	}
	s.Block("kubectl get lvsvs -n shop", out)
	if err := s.StartServer(ctx, "web1", port); err != nil {
		return err
	}
	if err := s.bothServe(ctx, shop, append(all(shop, "web1", "web3"), line(shop, "192.0.2.21", 0))...); err != nil {
		return err
	}
	if err := s.tells(ctx, "shop", "Served"); err != nil {
		return err
	}
	if answers, err = s.answers(ctx, 20); err != nil {
		return err
	}
	if err := s.Check(answers == "web1 10, web3 10", "with two web servers the shop is back, and the sorry server drains", "%s", answers); err != nil {
		return err
	}
	return s.StartServer(ctx, "web2", port)
}
