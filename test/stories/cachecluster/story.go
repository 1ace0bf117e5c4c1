// SPDX-License-Identifier: Apache-2.0

// Package cachecluster plays a transparent cache cluster: a pair of directors is the clients' gateway and hands what is for
// port 80, wherever in the world, to caches, so that each web server's address keeps to one of them (lblc, lblcr and dh).
package cachecluster

import (
	"context"
	"fmt"
	"time"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// Names of the hosts.
const (
	client   = "client"
	gate1    = "gate1"
	gate2    = "gate2"
	internet = "internet"
)

// What config/samples/cache-cluster says.
const (
	gateway  = "192.0.2.254"
	origins  = "203.0.113.0/24"
	mark     = 100
	weight   = 4
	interval = time.Second
)

// takeOverBound is how long the gateway may be silent when the Active director dies: the Backup's (priority 99)
// Active_Down_Interval of RFC 9568 section 6.1, and half a second for everything else.
const takeOverBound = 3*interval + (256-99)*interval/256 + 500*time.Millisecond

// scene is the story's hosts and what is remembered from step to step.
type scene struct {
	*stage.Stage
	// before is what the directors' kernels had before the operator did anything, by director.
	before map[string]string
}

// Story is the cache cluster.
func Story() stage.Story {
	return stage.Story{
		Name: "cache-cluster",
		Set: func(ctx context.Context, s *stage.Stage) ([]stage.Step, error) {
			scene := &scene{Stage: s, before: map[string]string{}}
			return scene.steps(), scene.build(ctx)
		},
		Try: []string{"client hosttool poll -target 203.0.113.7:80 -count 4", "gate1 ipvsadm -Ln", "gate1 nft list table inet lvs-operator"},
	}
}

func (s *scene) steps() []stage.Step {
	return []stage.Step{
		{Title: "Configure: kubectl apply -f config/samples/cache-cluster", Play: s.configure},
		{Title: "lblc: each web server's address keeps to one cache", Play: s.addressesKeep},
		{Title: "What is not for the caches", Play: s.restPasses},
		{Title: "lblc: a web server in great demand moves to another cache", Play: s.demandMoves},
		{Title: "lblcr: a web server in great demand gets a second cache", Play: s.demandShares},
		{Title: "dh: the address alone decides; the Active director dies", Play: s.gatewayFails},
		{Title: "The service is deleted, and nothing of ours is left", Play: s.nothingLeft},
	}
}

func directors() []string { return []string{gate1, gate2} }

func caches() []string { return []string{"cache1", "cache2", "cache3"} }

// build makes the hosts, and does what their administrators do.
func (s *scene) build(ctx context.Context) error {
	s.Title("The hosts")
	for i, host := range []string{gate1, gate2} {
		if err := s.AddHost(ctx, host, fmt.Sprintf("192.0.2.%d/24", 1+i)); err != nil {
			return err
		}
		if err := s.Administer(ctx, host, "sysctl -qw net.ipv4.ip_forward=1",
			"sysctl -qw net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0",
			"ip route add "+origins+" via 192.0.2.250"); err != nil {
			return err
		}
		// A web server of the director's own, which is not the caches' affair.
		if err := s.StartServer(ctx, host, 80); err != nil {
			return err
		}
	}
	for i, cache := range caches() {
		if err := s.addServer(ctx, cache, fmt.Sprintf("192.0.2.%d/24", 11+i), 80); err != nil {
			return err
		}
	}
	if err := s.addServer(ctx, internet, "192.0.2.250/24", 443); err != nil {
		return err
	}
	if err := s.AddHost(ctx, client, "192.0.2.101/24"); err != nil {
		return err
	}
	if err := s.Administer(ctx, client, "ip route add default via "+gateway); err != nil {
		return err
	}
	return s.AddNodes(ctx, map[string]string{"lvs-operator.io/gateway": "true"}, directors()...)
}

// addServer makes a host that answers for every address of the web servers.
func (s *scene) addServer(ctx context.Context, name, address string, port int) error {
	if err := s.AddHost(ctx, name, address); err != nil {
		return err
	}
	if err := s.Administer(ctx, name, "ip route add local "+origins+" dev lo"); err != nil {
		return err
	}
	return s.StartServer(ctx, name, port)
}
