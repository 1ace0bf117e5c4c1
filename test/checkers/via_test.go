// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package checkers

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
	"github.com/lvs-operator/lvs-operator/agent/health/probe"
	"github.com/lvs-operator/lvs-operator/test/network"
)

// viaScene is a director and a real server on one link, both with addresses of both families.
type viaScene struct {
	t                    *testing.T
	director, realServer *network.Host
}

func newViaScene(t *testing.T) *viaScene {
	t.Helper()
	n, err := network.New("via")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &viaScene{t: t}
	if s.director, err = n.AddHost("director", "192.0.2.1/24"); err != nil {
		t.Fatal(err)
	}
	if out, err := s.director.Command(t.Context(), "ipvsadm", "-Ln").CombinedOutput(); err != nil {
		t.Skipf("this kernel has no IPVS: %s", out)
	}
	if s.realServer, err = n.AddHost("server", "192.0.2.11/24"); err != nil {
		t.Fatal(err)
	}
	s.run(s.director, "ip address add 2001:db8::1/64 dev eth0 nodad")
	s.run(s.realServer, "ip address add 2001:db8::11/64 dev eth0 nodad", "sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2",
		"ip link add unwrap type ipip local 192.0.2.11", "sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.unwrap.rp_filter=0", "ip link set unwrap up")
	return s
}

func (s *viaScene) run(host *network.Host, lines ...string) {
	s.t.Helper()
	for _, line := range lines {
		if out, err := host.Command(s.t.Context(), strings.Fields(line)...).CombinedOutput(); err != nil {
			s.t.Fatalf("%s: %v: %s", line, err, out)
		}
	}
}

// serve answers HTTP at the real server, on all its addresses, until the test ends.
func (s *viaScene) serve() {
	s.t.Helper()
	var listener net.Listener
	if err := s.realServer.Do(func() (err error) {
		listener, err = new(net.ListenConfig).Listen(s.t.Context(), "tcp", ":80")
		return err
	}); err != nil {
		s.t.Fatal(err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	s.t.Cleanup(func() { _ = server.Close() })
}

// echo sends datagrams back that come to an address of the real server, also while it lacks the address, until the test ends.
func (s *viaScene) echo(address string) {
	s.t.Helper()
	anyway := net.ListenConfig{Control: func(_, _ string, conn syscall.RawConn) error {
		return conn.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_FREEBIND, 1) // else listening fails
		})
	}}
	var socket net.PacketConn
	if err := s.realServer.Do(func() (err error) {
		socket, err = anyway.ListenPacket(s.t.Context(), "udp", net.JoinHostPort(address, "80"))
		return err
	}); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		datagram := make([]byte, check.MostPayload)
		for {
			n, from, err := socket.ReadFrom(datagram)
			if err != nil {
				return
			}
			_, _ = socket.WriteTo(datagram[:n], from) // the check fails if it is lost
		}
	}()
	s.t.Cleanup(func() { _ = socket.Close() })
}

// check makes one check on the director, and returns its reason.
func (s *viaScene) check(c check.Check, virtual, realServer string, mark uint32) string {
	s.t.Helper()
	asked := health.Target{
		Address: netip.AddrPortFrom(netip.MustParseAddr(realServer), 80),
		Spec: health.Spec{
			Check: c, Interval: time.Second, Timeout: 2 * time.Second, Via: health.Via{Virtual: netip.MustParseAddr(virtual), Mark: mark},
		},
	}
	var result error
	if err := s.director.Do(func() (err error) {
		result, err = makeOne(asked)
		return err
	}); err != nil {
		s.t.Fatal(err)
	}
	if result == nil {
		return "passed"
	}
	return result.Error()
}

// makeOne makes one check on this thread.
func makeOne(target health.Target) (result, err error) {
	prober, err := probe.New()
	if err != nil {
		return nil, err
	}
	defer prober.Close()
	over := time.Now().Add(target.Spec.Timeout)
	prober.Start(0, target)
	for {
		for _, r := range prober.Wait(over) {
			return r.Err, nil
		}
		if !time.Now().Before(over) {
			prober.End(0)
		}
	}
}

// A check by way of the virtual IP passes whether the director holds the virtual IP or not, by every method that leaves packets unchanged, and
// fails when the real server lacks the address.
func TestCheckGoesByWayOfTheVirtualIP(t *testing.T) {
	s := newViaScene(t)
	s.serve()
	s.run(s.director, "sysctl -qw net.ipv4.conf.all.accept_local=1")
	for _, tc := range []struct {
		name, virtual, realServer string
		mark                      uint32
		service                   []string
	}{
		{"IPv4, direct routing", "192.0.2.100", "192.0.2.11", 71, []string{"ipvsadm -A -f 71 -s rr -o", "ipvsadm -a -f 71 -r 192.0.2.11:0 -g"}},
		{"IPv4, tunnel", "192.0.2.101", "192.0.2.11", 72, []string{"ipvsadm -A -f 72 -s rr -o", "ipvsadm -a -f 72 -r 192.0.2.11:0 -i"}},
		{"IPv6, direct routing", "2001:db8::100", "2001:db8::11", 73, []string{"ipvsadm -A -f 73 -6 -s rr -o", "ipvsadm -a -f 73 -6 -r [2001:db8::11]:0 -g"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := &viaScene{t: t, director: s.director, realServer: s.realServer}
			s.run(s.director, tc.service...)
			s.echo(tc.virtual)
			echoed := check.UDP{PayloadHex: "6c7673", AnswerHex: "6c7673"}
			for _, holds := range []bool{false, true} {
				if holds {
					s.run(s.director, "ip address add "+tc.virtual+" dev eth0"+asAgentsDo(tc.virtual))
				}
				s.run(s.realServer, "ip address add "+tc.virtual+" dev lo"+asAgentsDo(tc.virtual))
				for _, c := range []check.Check{check.TCP{}, check.HTTP{Method: "GET", Path: "/", Statuses: "404"}, echoed} {
					if got := s.check(c, tc.virtual, tc.realServer, tc.mark); got != "passed" {
						t.Errorf("holds the virtual IP %t: %v: %s", holds, c, got)
					}
				}
				s.run(s.realServer, "ip address del "+tc.virtual+" dev lo")
				for _, c := range []check.Check{check.TCP{}, echoed} {
					if got := s.check(c, tc.virtual, tc.realServer, tc.mark); got == "passed" {
						t.Errorf("holds the virtual IP %t: %v: the real server lacks it, and the check passes", holds, c)
					}
				}
			}
		})
	}
}

// asAgentsDo is how an agent adds an IPv6 address: usable at once, and never chosen as a source.
func asAgentsDo(address string) string {
	if strings.Contains(address, ":") {
		return " nodad preferred_lft 0"
	}
	return ""
}
