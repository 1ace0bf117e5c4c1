// SPDX-License-Identifier: Apache-2.0

//go:build kernel

// Package schedulers sends real traffic through the kernel's IPVS and says of each scheduler, of persistence, and of each
// way to a real server, what a client gets. All that a director needs is written by agent/kernel. docs/schedulers.md
// explains the laws.
package schedulers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/test/network"
	"github.com/lvs-operator/lvs-operator/test/network/traffic"
)

// The scene has one link, 192.0.2.0/24 and 2001:db8::/64. Virtual IPs, sites and clients are routed, never looked for by
// ARP: so real servers may hold every virtual IP. Clients are many addresses of one host.
//
//	client .1      198.51.100.128/26, 2001:db8:c::/48   real servers answer them directly
//	               198.51.100.192/26, 2001:db8:d::/48   real servers answer them through the director, as LVS/NAT needs
//	director .2    198.51.100.0/26, 2001:db8:a::/48     virtual IPs
//	rs1 .11 to     virtual IPs too, and
//	rs10 .20       198.51.100.64/26                     sites that a cache answers for
const (
	realServers = 10
	servicePort = 8080
	otherPort   = 8081 // also served by every real server

	routesOfClient = `
route add local 198.51.100.128/25 dev lo
route add 198.51.100.0/25 via 192.0.2.2
route add local 2001:db8:c::/47 dev lo
route add 2001:db8:a::/48 via 2001:db8::2
`
	routesOfDirector = `
route add local 198.51.100.0/26 dev lo
route add 198.51.100.128/25 via 192.0.2.1
route add local 2001:db8:a::/48 dev lo
route add 2001:db8:c::/47 via 2001:db8::1
`
	routesOfRealServer = `
route add local 198.51.100.0/25 dev lo
route add 198.51.100.128/26 via 192.0.2.1
route add 198.51.100.192/26 via 192.0.2.2
route add local 2001:db8:a::/48 dev lo
route add 2001:db8:c::/48 via 2001:db8::1
route add 2001:db8:d::/48 via 2001:db8::2
`
)

// scene is the hosts that all tests share. Tests run one after the other, each with virtual IPs of its own.
type scene struct {
	network  *network.Network
	client   *network.Host
	director director
	// realServers are rs1 to rs10, by their number; there is no 0.
	realServers [realServers + 1]*network.Host
}

// stage is the scene; TestMain makes it.
var stage scene

func TestMain(m *testing.M) {
	ctx, cancel := context.WithCancel(context.Background())
	code := 1
	err := stage.build(ctx)
	if err == nil {
		code = m.Run()
	}
	cancel()
	if err = errors.Join(err, stage.close()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func (s *scene) build(ctx context.Context) (err error) {
	if s.network, err = network.New("schedulers"); err != nil {
		return err
	}
	if s.client, err = s.host(ctx, "client", 1, routesOfClient, "net/ipv6/ip_nonlocal_bind=1"); err != nil {
		return err
	}
	host, err := s.host(ctx, "director", 2, routesOfDirector,
		"net/ipv4/ip_forward=1", "net/ipv6/conf/all/forwarding=1",
		"net/ipv4/conf/all/send_redirects=0", "net/ipv4/conf/eth0/send_redirects=0")
	if err != nil {
		return err
	}
	if s.director, err = openDirector(host); err != nil {
		return err
	}
	for number := 1; number <= realServers; number++ {
		host, err := s.host(ctx, fmt.Sprintf("rs%d", number), 10+number, routesOfRealServer)
		if err != nil {
			return err
		}
		s.realServers[number] = host
		if err := serveTCP(ctx, host); err != nil {
			return err
		}
	}
	return nil
}

func (s *scene) close() error {
	s.director.close()
	if s.network == nil {
		return nil
	}
	return s.network.Close()
}

// host adds a host to the link, with both addresses, settings and routes. No host takes redirects: on one link they would
// lead packets past the director.
func (s *scene) host(ctx context.Context, name string, number int, routes string, settings ...string) (*network.Host, error) {
	host, err := s.network.AddHost(name, fmt.Sprintf("192.0.2.%d/24", number))
	if err != nil {
		return nil, err
	}
	settings = append(settings, "net/ipv4/conf/all/rp_filter=0", "net/ipv4/conf/eth0/rp_filter=0", "net/ipv4/conf/default/rp_filter=0",
		"net/ipv4/conf/all/accept_redirects=0", "net/ipv4/conf/eth0/accept_redirects=0", "net/ipv6/conf/eth0/accept_redirects=0")
	if err := set(host, settings...); err != nil {
		return nil, err
	}
	return host, batch(ctx, host, fmt.Sprintf("address add 2001:db8::%d/64 dev eth0\n", number)+routes)
}

// set writes settings of a host, each as path=value below /proc/sys.
func set(host *network.Host, settings ...string) error {
	return host.Do(func() error {
		for _, setting := range settings {
			path, value, _ := strings.Cut(setting, "=")
			if err := os.WriteFile(filepath.Join(kernel.ProcSys, path), []byte(value), 0o644); err != nil {
				return err
			}
		}
		return nil
	})
}

// batch gives a host's ip command lines to carry out, up to the first that fails.
func batch(ctx context.Context, host *network.Host, lines string) error {
	cmd := host.Command(ctx, "ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(lines)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("on %s: ip -batch: %w: %s", host.Name(), err, output)
	}
	return nil
}

// serveTCP makes a host say its name to whoever connects, on any of its addresses, until ctx ends.
func serveTCP(ctx context.Context, host *network.Host) error {
	for _, port := range []int{servicePort, otherPort} {
		err := host.Do(func() error {
			listener, err := net.ListenTCP("tcp", &net.TCPAddr{Port: port})
			if err == nil {
				go func() { _ = traffic.Serve(ctx, listener, host.Name()) }()
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// address4 and address6 are a real server's addresses on the link.
func address4(realServer int) netip.Addr {
	return netip.AddrFrom4([4]byte{192, 0, 2, byte(10 + realServer)})
}

func address6(realServer int) netip.Addr {
	return netip.MustParseAddr(fmt.Sprintf("2001:db8::%d", 10+realServer))
}

// number is a real server's by its name.
func number(t *testing.T, name string) int {
	t.Helper()
	number, err := strconv.Atoi(strings.TrimPrefix(name, "rs"))
	if err != nil {
		t.Fatalf("%q is no real server", name)
	}
	return number
}
