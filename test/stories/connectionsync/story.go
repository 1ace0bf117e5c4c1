// SPDX-License-Identifier: Apache-2.0

// Package connectionsync plays a hundred established TCP connections by direct routing and a hundred by NAT through the death of
// the Active director, through the arrival of a better one that knows none of them, and through a planned stop.
package connectionsync

import (
	"context"
	"fmt"
	"time"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// Names of the hosts. The third director comes when the first has died.
const (
	client = "client"
	first  = "d1"
	second = "d2"
	third  = "d3"
)

// What config/samples/connection-sync says.
const (
	direct   = "192.0.2.200:80"
	nat      = "192.0.2.201:80"
	vip      = "192.0.2.200"
	gateway  = "198.51.100.254"
	interval = time.Second
)

type scene struct {
	*stage.Stage
	// connections are those that are to survive.
	connections []*connection
}

// Story is connection sync.
func Story() stage.Story {
	return stage.Story{
		Name: "connection-sync",
		Set: func(ctx context.Context, s *stage.Stage) ([]stage.Step, error) {
			scene := &scene{Stage: s}
			return scene.steps(), scene.build(ctx)
		},
		Try: []string{"d2 ipvsadm -Lcn", "d2 ipvsadm -L --daemon", "client hosttool poll -target 192.0.2.201:80 -count 4"},
	}
}

func (s *scene) steps() []stage.Step {
	return []stage.Step{
		{Title: "Configure: kubectl apply -f config/samples/connection-sync", Play: s.configure},
		{Title: "100 connections by direct routing and 100 by NAT", Play: s.connect},
		{Title: "The Active director dies", Play: s.directorDies},
		{Title: "A director of higher priority comes, which knows no connection", Play: s.directorComes},
		{Title: "It is stopped as planned, under a client that connects all the time", Play: s.directorStops},
		{Title: "No connection was lost", Play: s.noneLost},
	}
}

// build makes the hosts, and does what their administrators do.
func (s *scene) build(ctx context.Context) error {
	s.Title("The hosts")
	hosts := []stage.HostSpec{{Name: client, Addresses: []string{"192.0.2.101/24"}}}
	for i, director := range []string{first, second, third} {
		hosts = append(hosts, stage.HostSpec{
			Name: director, Addresses: []string{fmt.Sprintf("192.0.2.%d/24", 1+i), fmt.Sprintf("198.51.100.%d/24", 1+i)},
			Lines: []string{stage.Forwards, stage.NoRedirects},
		})
	}
	for i := range 2 {
		hosts = append(hosts, stage.HostSpec{
			Name: fmt.Sprintf("direct%d", 1+i), Addresses: []string{fmt.Sprintf("192.0.2.%d/24", 21+i)},
			Lines: []string{stage.SilentVIPs, "ip address add " + vip + "/32 dev lo"}, Serves: 80,
		}, stage.HostSpec{
			Name: fmt.Sprintf("behind%d", 1+i), Addresses: []string{fmt.Sprintf("198.51.100.%d/24", 21+i)},
			Lines: []string{"ip route add default via " + gateway}, Serves: 80,
		})
	}
	if err := s.AddHosts(ctx, hosts...); err != nil {
		return err
	}
	return s.AddNodes(ctx, labels, first, second)
}

var labels = map[string]string{"lvs-operator.io/shop": "true"}
