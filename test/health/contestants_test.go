// SPDX-License-Identifier: Apache-2.0

//go:build bench

package health

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/checkpoint"
	"github.com/lvs-operator/lvs-operator/agent/desired"
	agenthealth "github.com/lvs-operator/lvs-operator/agent/health"
	healthcheck "github.com/lvs-operator/lvs-operator/agent/health/check"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/test/contest"
)

const (
	// interval is one at which the machine has time to spare: at 10 s the emulated one has none, and keepalived came too late there.
	interval = 20 * time.Second
	timeout  = 3 * time.Second
)

// kind is a kind of check, in both contestants' words.
type kind struct {
	name       string
	ours       healthcheck.Check
	keepalived string
}

func kinds() []kind {
	return []kind{
		{"tcp", healthcheck.TCP{}, "TCP_CHECK {\n connect_timeout 3\n retry 0\n }\n"},
		{"http", healthcheck.HTTP{Method: "GET", Path: "/", Statuses: "200"}, "HTTP_GET {\n url {\n path /\n status_code 200\n }\n connect_timeout 3\n retry 0\n }\n"},
	}
}

// contestant is a program that runs a director's checks.
type contestant struct {
	name    string
	command func(t *testing.T, dir string, k kind) []string
}

// ours is the agent itself. There is no API server: it serves from its checkpoint.
func ours() contestant {
	return contestant{"ours", func(t *testing.T, dir string, k kind) []string {
		command, err := contest.Agent(dir, remembered(k))
		check(t, err)
		return command
	}}
}

// remembered is the checkpoint of a director that has had the services before.
func remembered(k kind) checkpoint.Change {
	owned := ipvs.Ownership{Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
	table := map[ipvs.ServiceKey]*desired.Service{}
	for i := range services {
		key := ipvs.ServiceKey{Address: virtual(i), Port: port, Protocol: ipvs.TCP}
		service := &desired.Service{
			ID: fmt.Sprintf("web/bench/%d", i), Group: "edge", Service: ipvs.Service{Key: key, Scheduler: "wrr"},
			Check: &desired.Check{Spec: agenthealth.Spec{Check: k.ours, Interval: interval, Timeout: timeout}},
		}
		for j := range perOne {
			service.Destinations = append(service.Destinations, ipvs.Destination{Address: server(i, j), Port: port, Method: ipvs.Masquerade, Weight: 1})
		}
		table[key] = service
	}
	node := desired.Node{Groups: []desired.Group{{Name: "edge", Owned: owned}}}
	return checkpoint.Change{Node: &checkpoint.Node{Node: node, Owned: owned}, Services: table}
}

// keepalived is Debian's, without VRRP.
func keepalived() contestant {
	return contestant{"keepalived", func(t *testing.T, dir string, k kind) []string {
		var conf strings.Builder
		conf.WriteString("global_defs {\n router_id bench\n}\n")
		for i := range services {
			fmt.Fprintf(&conf, "virtual_server %s %d {\n lb_algo wrr\n lb_kind NAT\n protocol TCP\n alpha\n delay_loop %g\n", virtual(i), port, interval.Seconds())
			for j := range perOne {
				fmt.Fprintf(&conf, " real_server %s %d {\n weight 1\n %s }\n", server(i, j), port, k.keepalived)
			}
			conf.WriteString("}\n")
		}
		path := filepath.Join(dir, "keepalived.conf")
		check(t, os.WriteFile(path, []byte(conf.String()), 0o600))
		return []string{"keepalived", "-n", "-l", "-C", "-f", path, "-p", filepath.Join(dir, "pid"), "-c", filepath.Join(dir, "checkers.pid")}
	}}
}
