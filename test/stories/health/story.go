// SPDX-License-Identifier: Apache-2.0

// Package health plays what follows from the health of real servers: one that lacks the virtual IP, a quorum that is lost and a sorry server
// that steps in, a director that alone sees real servers dead, real servers that are dead for all, and one that goes up and down.
package health

import (
	"context"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// Names of the hosts.
const (
	client = "client"
	edge1  = "edge1"
	edge2  = "edge2"
	sorry  = "sorry"
)

// What config/samples/health-checks says.
const (
	shop      = "192.0.2.200"
	catalogue = "192.0.2.201"
	port      = 80
)

type scene struct{ *stage.Stage }

// Story is that of health checks.
func Story() stage.Story {
	return stage.Story{
		Name: "health-checks",
		Set: func(ctx context.Context, s *stage.Stage) ([]stage.Step, error) {
			scene := &scene{s}
			return scene.steps(), scene.build(ctx)
		},
		Try: []string{"edge1 ipvsadm -Ln", "client hosttool poll -target " + shop + ":80 -count 4"},
	}
}

func (s *scene) steps() []stage.Step {
	return []stage.Step{
		{Title: "Configure: kubectl apply -f config/samples/health-checks", Play: s.configure},
		{Title: "A web server lacks the virtual IP: checks by way of it notice", Play: s.lacksTheAddress},
		{Title: "Two of three web servers die: the quorum is lost, and the sorry server steps in", Play: s.losesTheQuorum},
		{Title: "Only the Active director sees two web servers dead: the other one takes over", Play: s.isBlind},
		{Title: "All web servers are dead, for both directors: nothing moves", Play: s.allAreDead},
		{Title: "A web server goes up and down", Play: s.flaps},
		{Title: "The shop's virtual IP is to go with the quorum, and dead web servers are to stay: kubectl patch", Play: s.withdraws},
	}
}

func webServers() []string { return []string{"web1", "web2", "web3"} }

// addressOf is a web server's.
func addressOf(web string) string { return "192.0.2.1" + web[len("web"):] }

// build makes the hosts, and does what their administrators do.
func (s *scene) build(ctx context.Context) error {
	s.Title("The hosts")
	hosts := []stage.HostSpec{
		{Name: client, Addresses: []string{"192.0.2.101/24"}},
		{Name: edge1, Addresses: []string{"192.0.2.1/24"}},
		{Name: edge2, Addresses: []string{"192.0.2.2/24"}},
		{Name: sorry, Addresses: []string{"192.0.2.21/24"}, Serves: port, Lines: []string{stage.SilentVIPs, onLo("add", shop)}},
	}
	for _, web := range webServers() {
		hosts = append(hosts, stage.HostSpec{
			Name: web, Addresses: []string{addressOf(web) + "/24"}, Serves: port,
			Lines: []string{stage.SilentVIPs, onLo("add", shop), onLo("add", catalogue)},
		})
	}
	if err := s.AddHosts(ctx, hosts...); err != nil {
		return err
	}
	return s.AddNodes(ctx, map[string]string{"lvs-operator.io/shop": "true"}, edge1, edge2)
}

// onLo is the command line that adds or deletes a virtual IP at a real server.
func onLo(verb, vip string) string { return "ip address " + verb + " " + vip + "/32 dev lo" }
