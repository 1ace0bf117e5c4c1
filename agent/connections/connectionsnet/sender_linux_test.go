// SPDX-License-Identifier: Apache-2.0

package connectionsnet

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/connections"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// recorder is a wire that remembers how many connections each datagram had, and fails where it is told to.
type recorder struct {
	datagrams []int
	fails     error
}

func (r *recorder) send(datagram []byte) error {
	if r.fails != nil {
		return r.fails
	}
	r.datagrams = append(r.datagrams, int(datagram[4]))
	return nil
}

func (r *recorder) close() {}

// newSender returns a sender of 40 connections a datagram, and where its pauses are added up.
func newSender() (*Sender, *recorder, *time.Duration) {
	r, paused := &recorder{}, new(time.Duration)
	daemon := filledIn(ipvs.Daemon{Interface: "eth0", ID: 66})
	return &Sender{
		daemon: daemon, wire: r, pause: func(d time.Duration) { *paused += d },
		encoder: connections.NewEncoder(uint8(daemon.ID), int(daemon.MaxLength)),
	}, r, paused
}

func from(port int) connections.Connection {
	return connections.Connection{
		Protocol: ipvs.TCP, Client: netip.AddrPortFrom(netip.MustParseAddr("198.51.100.1"), uint16(port)),
		Virtual: netip.MustParseAddrPort("198.51.100.10:443"), RealServer: netip.MustParseAddrPort("192.0.2.11:443"), State: 1, Expires: 899,
	}
}

func TestConnectionsGoOutWhenADatagramIsFullAndAtTheEnd(t *testing.T) {
	s, r, _ := newSender()
	for port := 1; port <= 100; port++ {
		if err := s.Send(from(port), connections.Details{Method: ipvs.DirectRoute}); err != nil {
			t.Fatal(err)
		}
	}
	if s.Sent() != 80 {
		t.Errorf("%d sent before the flush, want two datagrams of 40", s.Sent())
	}
	for range 2 { // the second has nothing to send
		if err := s.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.datagrams) != 3 || r.datagrams[0] != 40 || r.datagrams[1] != 40 || r.datagrams[2] != 20 || s.Sent() != 100 {
		t.Errorf("datagrams of %v connections, %d sent; want 40, 40, 20", r.datagrams, s.Sent())
	}
}

func TestTheReceiversAreGivenTime(t *testing.T) {
	s, r, paused := newSender()
	port := 1
	for ; *paused == 0 && port < 10_000; port++ {
		if err := s.Send(from(port), connections.Details{}); err != nil {
			t.Fatal(err)
		}
	}
	if *paused == 0 || len(r.datagrams) < 10 {
		t.Errorf("paused %s after %d datagrams", *paused, len(r.datagrams))
	}
}

func TestAFailureCostsOneDatagram(t *testing.T) {
	s, r, _ := newSender()
	r.fails = errors.New("cut")
	var failures []error
	for port := 1; port <= 41; port++ {
		if err := s.Send(from(port), connections.Details{}); err != nil {
			failures = append(failures, err)
		}
	}
	if len(failures) != 1 || !errors.Is(failures[0], r.fails) || !strings.Contains(failures[0].Error(), "send 40 connections on interface eth0 to 224.0.0.81:8848") {
		t.Errorf("failures %v, want one that says what was sent where", failures)
	}
	r.fails = nil
	if err := s.Flush(); err != nil || s.Sent() != 1 {
		t.Errorf("%d sent after the failure, %v; want the one that did not fit", s.Sent(), err)
	}
}

func TestWhatIsNotPortableIsLeftOut(t *testing.T) {
	s, r, _ := newSender()
	ftp := from(1)
	ftp.Virtual = netip.MustParseAddrPort("198.51.100.10:21")
	if err := errors.Join(s.Send(ftp, connections.Details{Method: ipvs.Masquerade}), s.Flush()); err != nil || len(r.datagrams) > 0 {
		t.Errorf("sent %v, %v", r.datagrams, err)
	}
}

func TestADaemonsDefaultsAreTheKernels(t *testing.T) {
	for name, c := range map[string]struct {
		daemon, want ipvs.Daemon
	}{
		"nothing given": {
			ipvs.Daemon{State: ipvs.Master, Interface: "eth0"},
			ipvs.Daemon{State: ipvs.Master, Interface: "eth0", MaxLength: 1472, Group: netip.MustParseAddr("224.0.0.81"), Port: 8848, TTL: 1},
		},
		"an IPv6 group": {
			ipvs.Daemon{Interface: "eth0", Group: netip.MustParseAddr("ff02::81"), TTL: 2},
			ipvs.Daemon{Interface: "eth0", MaxLength: 1452, Group: netip.MustParseAddr("ff02::81"), Port: 8848, TTL: 2},
		},
		"all given": {
			ipvs.Daemon{Interface: "eth0", ID: 7, MaxLength: 1024, Group: netip.MustParseAddr("239.1.2.3"), Port: 9000, TTL: 3},
			ipvs.Daemon{Interface: "eth0", ID: 7, MaxLength: 1024, Group: netip.MustParseAddr("239.1.2.3"), Port: 9000, TTL: 3},
		},
	} {
		if got := filledIn(c.daemon); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestAnAbsentInterfaceIsNamed(t *testing.T) {
	s, err := Open(ipvs.Daemon{Interface: "absent0"}, time.Sleep)
	if err == nil {
		s.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "absent0") || !strings.Contains(err.Error(), "correct its name") {
		t.Errorf("error %v", err)
	}
}
