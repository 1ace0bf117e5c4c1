// SPDX-License-Identifier: Apache-2.0

//go:build kernel

// Package checkers makes the health checks of every kind from a director's host, of real servers of that kind that are well, sick or not there,
// and says what an operator reads of each. docs/health-checks.md has the list.
package checkers

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/lvs-operator/lvs-operator/test/network"
)

// The scene has one link, 192.0.2.0/24 and 2001:db8::/64, with a director and a real server on it. Nobody has 192.0.2.99 and 2001:db8::99.
var (
	realServer  = netip.MustParseAddr("192.0.2.11")
	realServer6 = netip.MustParseAddr("2001:db8::11")
	// blackHole is the real server's, and what comes to it is lost without a word; behind rejecting, a firewall sends ICMP back.
	blackHole = netip.MustParseAddr("192.0.2.12")
	rejecting = netip.MustParseAddr("192.0.2.13")
	nobody    = netip.MustParseAddr("192.0.2.99")
	nobody6   = netip.MustParseAddr("2001:db8::99")
)

const (
	directorAddresses   = "address add 2001:db8::2/64 dev eth0\n"
	realServerAddresses = `
address add 192.0.2.12/24 dev eth0
address add 192.0.2.13/24 dev eth0
address add 2001:db8::11/64 dev eth0
`
	firewall = `
table inet faults {
	chain input {
		type filter hook input priority filter
		ip daddr 192.0.2.12 drop
		ip daddr 192.0.2.13 reject with icmp admin-prohibited
	}
}
`
)

// scene is what all tests share.
type scene struct {
	network              *network.Network
	director, realServer *network.Host
	// dir holds the files of the real server's programs.
	dir string
	// trusted has signed the certificates of the real server that are good.
	trusted authority
}

// stage is the scene; TestMain makes it.
var stage scene

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == asDirector {
		os.Exit(runDirector())
	}
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
	if s.dir, err = os.MkdirTemp("", "checkers"); err != nil {
		return err
	}
	if s.network, err = network.New("checkers"); err != nil {
		return err
	}
	if s.director, err = s.network.AddHost("director", "192.0.2.2/24"); err != nil {
		return err
	}
	if s.realServer, err = s.network.AddHost("rs1", realServer.String()+"/24"); err != nil {
		return err
	}
	if s.trusted, err = newAuthority("Example CA"); err != nil {
		return err
	}
	return errors.Join(
		feed(ctx, s.director, directorAddresses, "ip", "-batch", "-"),
		feed(ctx, s.realServer, realServerAddresses, "ip", "-batch", "-"),
		feed(ctx, s.realServer, firewall, "nft", "-f", "-"),
		feed(ctx, s.realServer, "", "sysctl", "-qw", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0"),
		s.startNginx(ctx), s.startDnsmasq(ctx), s.startExim(ctx),
	)
}

func (s *scene) close() error {
	var err error
	if s.network != nil {
		err = s.network.Close()
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// feed runs a command on a host, with text to read.
func feed(ctx context.Context, host *network.Host, text string, args ...string) error {
	cmd := host.Command(ctx, args...)
	cmd.Stdin = strings.NewReader(text)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("on %s: %s: %w: %s", host.Name(), strings.Join(args, " "), err, output)
	}
	return nil
}
