// SPDX-License-Identifier: Apache-2.0

// Package sandwich plays a firewall sandwich: two stateful firewalls between an outer director, which spreads connections by
// the client's address as the source (sh), and an inner one, which spreads the way back by the same address as the
// destination (dh). Only so do both directions of a connection pass the same firewall.
package sandwich

import (
	"context"
	_ "embed"
	"os"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// Names of the hosts.
const (
	client = "client"
	outer  = "outer"
	inner  = "inner"
	server = "server"
)

// What config/samples/firewall-sandwich says.
const (
	outerNextHop = "198.51.100.254"
	innerNextHop = "192.0.2.254"
	mark         = 1
)

// target is the web server behind the firewalls.
const target = "192.0.2.100:80"

// rules are the firewalls': new connections from outside only, and nothing of connections that did not begin here.
//
//go:embed firewall.nft
var rules []byte

type scene struct{ *stage.Stage }

// Story is the firewall sandwich.
func Story() stage.Story {
	return stage.Story{
		Name: "firewall-sandwich",
		Set: func(ctx context.Context, s *stage.Stage) ([]stage.Step, error) {
			scene := &scene{s}
			return scene.steps(), scene.build(ctx)
		},
		Try: []string{"client hosttool poll -target " + target + " -count 4", "fw1 nft list table inet firewall", "inner ipvsadm -Ln"},
	}
}

func (s *scene) steps() []stage.Step {
	return []stage.Step{
		{Title: "Configure: kubectl apply -f config/samples/firewall-sandwich", Play: s.configure},
		{Title: "sh outside, dh inside: every connection works, through both firewalls", Play: s.everyConnectionWorks},
		{Title: "rr inside: ways back that miss their firewall, as a proof that it matters", Play: s.someConnectionsFail},
		{Title: "dh inside again", Play: s.worksAgain},
	}
}

func firewalls() []string { return []string{"fw1", "fw2"} }

// build makes the hosts, and does what their administrators do.
func (s *scene) build(ctx context.Context) error {
	s.Title("The hosts")
	if err := s.AddHosts(ctx,
		stage.HostSpec{Name: client, Addresses: clients(), Lines: []string{"ip route add 192.0.2.0/24 via " + outerNextHop}},
		stage.HostSpec{Name: outer, Addresses: []string{"198.51.100.1/24"}, Lines: []string{stage.NoRedirects}},
		stage.HostSpec{Name: "fw1", Addresses: []string{"198.51.100.11/24", "192.0.2.11/24"}, Lines: []string{stage.Forwards, stage.NoRedirects}},
		stage.HostSpec{Name: "fw2", Addresses: []string{"198.51.100.12/24", "192.0.2.12/24"}, Lines: []string{stage.Forwards, stage.NoRedirects}},
		stage.HostSpec{Name: inner, Addresses: []string{"192.0.2.1/24"}, Lines: []string{stage.NoRedirects}},
		stage.HostSpec{Name: server, Addresses: []string{"192.0.2.100/24"}, Lines: []string{"ip route add default via " + innerNextHop}, Serves: 80},
	); err != nil {
		return err
	}
	if err := s.raiseFirewalls(ctx); err != nil {
		return err
	}
	for _, director := range []string{outer, inner} {
		if err := s.AddNodes(ctx, map[string]string{"lvs-operator.io/side": director}, director); err != nil {
			return err
		}
	}
	return nil
}

func (s *scene) raiseFirewalls(ctx context.Context) error {
	file := s.File("firewall.nft")
	if err := os.WriteFile(file, rules, 0o600); err != nil {
		return err
	}
	for _, firewall := range firewalls() {
		if _, err := s.Run(ctx, firewall, "nft", "-f", file); err != nil {
			return err
		}
	}
	s.Block("nft -f, on both firewalls", string(rules))
	return nil
}
