// SPDX-License-Identifier: Apache-2.0

// Package partition cuts the link between two directors, which goes on for everybody else: both become Active, the DirectorGroup
// says so, and all is as before once the link is whole again.
package partition

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// Names of the hosts.
const (
	client = "client"
	edge1  = "edge1"
	edge2  = "edge2"
	server = "web1"
)

// What objects.yaml says.
const (
	vip      = "192.0.2.200"
	interval = time.Second
)

//go:embed objects.yaml
var objects string

// takeOverBound is how long the Backup (priority 99) may wait before it becomes Active: Active_Down_Interval of RFC 9568 section 6.1,
// and half a second for everything else.
const takeOverBound = 3*interval + (256-99)*interval/256 + 500*time.Millisecond

// toldBound is within what time two Actives are to be seen in the DirectorGroup's status, and then that they are no more.
const toldBound = 2 * time.Second

type scene struct{ *stage.Stage }

// Story is the partition.
func Story() stage.Story {
	return stage.Story{
		Name: "partition",
		Set: func(ctx context.Context, s *stage.Stage) ([]stage.Step, error) {
			scene := &scene{s}
			return scene.steps(), scene.build(ctx)
		},
		Try: []string{"client ip neigh show " + vip, "edge1 ip address show eth0"},
	}
}

func (s *scene) steps() []stage.Step {
	return []stage.Step{
		{Title: "Configure: two directors, one virtual IP", Play: s.configure},
		{Title: "The link between the directors is cut", Play: s.linkIsCut},
		{Title: "The link is whole again", Play: s.linkIsWhole},
	}
}

// build makes the hosts, and does what their administrators do.
func (s *scene) build(ctx context.Context) error {
	s.Title("The hosts")
	for _, host := range []struct{ name, address string }{
		{client, "192.0.2.101/24"}, {edge1, "192.0.2.1/24"}, {edge2, "192.0.2.2/24"}, {server, "192.0.2.11/24"},
	} {
		if err := s.AddHost(ctx, host.name, host.address); err != nil {
			return err
		}
	}
	if err := s.Administer(ctx, server, "sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2",
		fmt.Sprintf("ip address add %s/32 dev lo", vip)); err != nil {
		return err
	}
	if err := s.StartServer(ctx, server, 80); err != nil {
		return err
	}
	return s.AddNodes(ctx, map[string]string{"lvs-operator.io/pair": "true"}, edge1, edge2)
}
