// SPDX-License-Identifier: Apache-2.0

// Package elections plays what decides who serves: an administrator who has a director give its role up, a link between two directors
// that is cut while everybody else's goes on, a keepalived that has the same virtual router id, and a group that is to spread its
// virtual IPs over its directors.
package elections

import (
	"context"
	_ "embed"
	"time"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// Names of the hosts.
const (
	client   = "client"
	edge1    = "edge1"
	edge2    = "edge2"
	server   = "web1"
	stranger = "stranger"
)

// What objects.yaml says.
const (
	vip      = "192.0.2.200"
	second   = "192.0.2.201"
	port     = 80
	vrid     = 70
	interval = time.Second
)

//go:embed objects.yaml
var objects string

type scene struct{ *stage.Stage }

// Story is the elections.
func Story() stage.Story {
	return stage.Story{
		Name:     "elections",
		Packages: []string{"keepalived"},
		Set: func(ctx context.Context, s *stage.Stage) ([]stage.Step, error) {
			scene := &scene{s}
			return scene.steps(), scene.build(ctx)
		},
		Try: []string{"client ip neigh show " + vip, "edge1 ip address show eth0"},
	}
}

func (s *scene) steps() []stage.Step {
	return []stage.Step{
		{Title: "Configure: two directors, two virtual IPs", Play: s.configure},
		{Title: "The Active director's node is to hand over: kubectl annotate node", Play: s.handsOver},
		{Title: "The link between the directors is cut", Play: s.linkIsCut},
		{Title: "The link is whole again", Play: s.linkIsWhole},
		{Title: "A keepalived comes that has the same virtual router id", Play: s.strangerComes},
		{Title: "The group spreads its virtual IPs over its directors: virtualRouters: 2", Play: s.spreads},
		{Title: "A director dies, and comes back", Play: s.diesAndReturns},
	}
}

// build makes the hosts, and does what their administrators do.
func (s *scene) build(ctx context.Context) error {
	s.Title("The hosts")
	if err := s.AddHosts(ctx,
		stage.HostSpec{Name: client, Addresses: []string{"192.0.2.101/24"}},
		stage.HostSpec{Name: edge1, Addresses: []string{"192.0.2.1/24"}},
		stage.HostSpec{Name: edge2, Addresses: []string{"192.0.2.2/24"}},
		stage.HostSpec{
			Name: server, Addresses: []string{"192.0.2.11/24"}, Serves: port,
			Lines: []string{stage.SilentVIPs, "ip address add " + vip + "/32 dev lo", "ip address add " + second + "/32 dev lo"},
		},
		stage.HostSpec{Name: stranger, Addresses: []string{"192.0.2.9/24"}},
	); err != nil {
		return err
	}
	return s.AddNodes(ctx, map[string]string{"lvs-operator.io/pair": "true"}, edge1, edge2)
}
