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
	for i, host := range directors() {
		if err := s.AddHosts(ctx, stage.HostSpec{
			Name: host, Addresses: []string{fmt.Sprintf("192.0.2.%d/24", 1+i)},
			Lines: []string{stage.Forwards, stage.NoRedirects, "ip route add " + origins + " via 192.0.2.250"},
			// A web server of the director's own, which is not the caches' affair.
			Serves: 80,
		}); err != nil {
			return err
		}
	}
	// These answer for every address of the web servers.
	answers := []string{"ip route add local " + origins + " dev lo"}
	for i, cache := range caches() {
		if err := s.AddHosts(ctx, stage.HostSpec{Name: cache, Addresses: []string{fmt.Sprintf("192.0.2.%d/24", 11+i)}, Lines: answers, Serves: 80}); err != nil {
			return err
		}
	}
	if err := s.AddHosts(ctx,
		stage.HostSpec{Name: internet, Addresses: []string{"192.0.2.250/24"}, Lines: answers, Serves: 443},
		stage.HostSpec{Name: client, Addresses: []string{"192.0.2.101/24"}, Lines: []string{"ip route add default via " + gateway}},
	); err != nil {
		return err
	}
	return s.AddNodes(ctx, map[string]string{"lvs-operator.io/gateway": "true"}, directors()...)
}
