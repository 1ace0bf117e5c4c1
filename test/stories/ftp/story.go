// SPDX-License-Identifier: Apache-2.0

// Package ftp plays FTP through a NAT service: without the kernel's module ip_vs_ftp the VirtualService names what is missing,
// with it data connections (RFC 959 section 3.2) find their way.
package ftp

import (
	"context"
	"fmt"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// Names of the hosts.
const (
	client = "client"
	edge   = "edge1"
)

// What config/samples/ftp says.
const vip = "192.0.2.200"

// helper is the kernel module of the application helper.
const helper = "ip_vs_ftp"

type scene struct{ *stage.Stage }

// Story is FTP through NAT.
func Story() stage.Story {
	return stage.Story{
		Name:     "ftp",
		Packages: []string{"ftp"},
		Set: func(ctx context.Context, s *stage.Stage) ([]stage.Step, error) {
			scene := &scene{s}
			return scene.steps(), scene.build(ctx)
		},
		Try: []string{"client curl ftp://192.0.2.200/name", "edge1 ipvsadm -Ln"},
	}
}

func (s *scene) steps() []stage.Step {
	return []stage.Step{
		{Title: "Configure: kubectl apply -f config/samples/ftp", Play: s.configure},
		{Title: "The kernel has no application helper", Play: s.helperIsMissing},
		{Title: "The kernel has the application helper", Play: s.helperIsThere},
	}
}

func servers() []string { return []string{"ftp1", "ftp2"} }

// build makes the hosts, and does what their administrators do.
func (s *scene) build(ctx context.Context) error {
	s.Title("The hosts")
	if err := s.AddHosts(ctx,
		stage.HostSpec{Name: client, Addresses: []string{"192.0.2.101/24"}},
		stage.HostSpec{Name: edge, Addresses: []string{"192.0.2.1/24", "198.51.100.1/24"}, Lines: []string{stage.Forwards, stage.NoRedirects}},
	); err != nil {
		return err
	}
	for i, server := range servers() {
		if err := s.AddHosts(ctx, stage.HostSpec{
			Name: server, Addresses: []string{fmt.Sprintf("198.51.100.%d/24", 21+i)}, Lines: []string{"ip route add default via 198.51.100.1"},
		}); err != nil {
			return err
		}
		if err := s.startServer(ctx, server); err != nil {
			return err
		}
	}
	if err := s.unloadHelper(); err != nil {
		return err
	}
	return s.AddNodes(ctx, map[string]string{"lvs-operator.io/files": "true"}, edge)
}
