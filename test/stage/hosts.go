// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"context"
	"strings"
)

// HostSpec is a host as a story wants it.
type HostSpec struct {
	// Name of the host.
	Name string
	// Addresses of eth0, one at least, each with its prefix length as in 192.0.2.114/24.
	Addresses []string
	// Lines are what the host's administrator does; see [Stage.Administer].
	Lines []string
	// Serves is the port of a server that says the host's name; 0: none. See [Stage.StartServer].
	Serves int
}

// Lines of administrators.
const (
	// Forwards makes a host a router.
	Forwards = "sysctl -qw net.ipv4.ip_forward=1"
	// NoRedirects keeps a host from telling others of a way past it: on a stage all networks share one link.
	NoRedirects = "sysctl -qw net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0"
	// SilentVIPs keeps a host from answering ARP for the addresses on lo.
	SilentVIPs = "sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2"
)

// AddHosts makes the hosts, one after the other, and does what their administrators do.
func (s *Stage) AddHosts(ctx context.Context, hosts ...HostSpec) error {
	for _, host := range hosts {
		if err := s.addHost(ctx, host.Name, host.Addresses[0], host.Addresses[1:]...); err != nil {
			return err
		}
		if err := s.Administer(ctx, host.Name, host.Lines...); err != nil {
			return err
		}
		if host.Serves == 0 {
			continue
		}
		if err := s.StartServer(ctx, host.Name, host.Serves); err != nil {
			return err
		}
	}
	return nil
}

func (s *Stage) addHost(ctx context.Context, name, address string, more ...string) error {
	host, err := s.network.AddHost(name, address)
	if err != nil {
		return err
	}
	s.hosts[name] = host
	s.order = append(s.order, name)
	shown := host.Address().String()
	for _, a := range more {
		if _, err := s.Run(ctx, name, "ip", "address", "add", a, "dev", "eth0"); err != nil {
			return err
		}
		shown += ", " + strings.Split(a, "/")[0]
	}
	s.Note("%-13s %s", name, shown)
	return nil
}

// Administer runs command lines on a host, each of words without quotes, and shows them: what the host's administrator has to
// do, because the operator does not.
func (s *Stage) Administer(ctx context.Context, host string, lines ...string) error {
	for _, line := range lines {
		s.Note("%s# %s", host, line)
		if _, err := s.Run(ctx, host, strings.Fields(line)...); err != nil {
			return err
		}
	}
	return nil
}
