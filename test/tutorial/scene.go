// SPDX-License-Identifier: Apache-2.0

package tutorial

import (
	"context"
	"strings"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// Names of the tutorial's hosts.
const (
	master       = "master"
	brucelee     = "brucelee"
	youzhibing   = "youzhibing"
	youzhibing03 = "youzhibing03"
	client       = "client"
)

// scene is the tutorial's five hosts and what runs on them.
type scene struct{ *stage.Stage }

// build makes the hosts and starts what an administrator starts once: agents everywhere but on the client, which is outside
// the cluster, and the web servers.
func (s *scene) build(ctx context.Context) error {
	s.Title("1     The hosts")
	if err := s.AddHosts(ctx,
		stage.HostSpec{Name: client, Addresses: []string{"192.168.1.10/24"}},
		stage.HostSpec{Name: master, Addresses: []string{"192.168.1.114/24"}},
		stage.HostSpec{Name: brucelee, Addresses: []string{"192.168.1.112/24"}},
		stage.HostSpec{Name: youzhibing, Addresses: []string{"192.168.1.111/24"}, Serves: port},
		stage.HostSpec{Name: youzhibing03, Addresses: []string{"192.168.1.115/24"}, Serves: port},
	); err != nil {
		return err
	}
	if err := s.AddNodes(ctx, map[string]string{"lvs-operator.io/director": "true"}, master, brucelee); err != nil {
		return err
	}
	return s.AddNodes(ctx, nil, youzhibing, youzhibing03)
}

// has says whether a director's table has a real server with weight.
func (s *scene) has(ctx context.Context, director, realServer string) (bool, error) {
	saved, err := s.Saved(ctx, director)
	return strings.Contains(saved, "-r "+s.Host(realServer).Address().String()+":8080 "), err
}
