// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package connectionsnet

import (
	"net/netip"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/connections"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// These connections are made up, and sent from a host that is no director.

const oneService = `
-A -t 198.51.100.11:8080 -s rr -p 300
-a -t 198.51.100.11:8080 -r 192.0.2.11:8080 -g
`

// made is a connection of the service from the n-th client.
func made(n int) connections.Connection {
	return connections.Connection{
		Protocol: ipvs.TCP,
		Client:   netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, 113, byte(n >> 8)}), uint16(1024+n&0xff)),
		Virtual:  netip.MustParseAddrPort(direct), RealServer: netip.MustParseAddrPort("192.0.2.11:8080"), State: 1, Expires: 900,
	}
}

func all(every ...connections.Connection) map[identity]connections.Connection {
	entries := map[identity]connections.Connection{}
	for _, c := range every {
		entries[identity{c.Protocol, c.Client, c.Virtual}] = c
	}
	return entries
}

// newPair is a host that sends, and a director that has the service and listens as the daemon says.
func newPair(t *testing.T, d ipvs.Daemon) (source, director host) {
	t.Helper()
	n := newLink(t)
	source = add(t, n, "source", "192.0.2.1", "")
	director = add(t, n, "director", "192.0.2.2", "")
	director.direct(oneService)
	director.listen(d)
	return source, director
}

func TestFiveThousandConnectionsArrive(t *testing.T) {
	for name, d := range map[string]ipvs.Daemon{
		"IPv4 group":               {Interface: "eth0", ID: syncID},
		"IPv6 group, another port": {Interface: "eth0", ID: syncID, Group: netip.MustParseAddr("ff02::81"), Port: 9000, TTL: 2},
		"long datagrams":           {Interface: "eth0", ID: syncID, Group: netip.MustParseAddr("239.1.2.3"), MaxLength: 8000},
	} {
		t.Run(name, func(t *testing.T) {
			source, director := newPair(t, d)
			var every []connections.Connection
			for i := range 5000 {
				every = append(every, made(i))
			}
			sent := all(every...)
			source.send(d, sent, details)
			got := director.awaits(len(sent))
			for id, c := range sent {
				if got[id].RealServer != c.RealServer || got[id].State != c.State {
					t.Fatalf("sent %+v, arrived as %+v", c, got[id])
				}
			}
			if shown := director.shown(); len(shown) != len(sent) {
				t.Errorf("ipvsadm shows %d connections, want %d", len(shown), len(sent))
			}
		})
	}
}

func TestAnotherSyncIDIsNotHeard(t *testing.T) {
	d := ipvs.Daemon{Interface: "eth0", ID: syncID}
	source, director := newPair(t, d)
	other := d
	other.ID++
	source.send(other, all(made(1), made(2)), details)
	source.send(d, all(made(3)), details) // arrives after the others would have
	got := director.awaits(1)
	for id := range got {
		if len(got) != 1 || id.client != made(3).Client {
			t.Errorf("%v arrived, want the one of the director's own sync id", got)
		}
	}
}

func TestEveryStateOfEveryProtocolArrives(t *testing.T) {
	d := ipvs.Daemon{Interface: "eth0", ID: syncID}
	source, director := newPair(t, d)
	var every []connections.Connection
	for protocol, states := range map[ipvs.Protocol]uint16{ipvs.TCP: 11, ipvs.UDP: 1, ipvs.SCTP: 14} {
		for state := range states {
			c := made(int(state))
			c.Protocol, c.State, c.Expires = protocol, state, 100
			every = append(every, c)
		}
	}
	sent := all(every...)
	source.send(d, sent, details)
	got := director.awaits(len(sent))
	for id, c := range sent {
		if got[id].State != c.State || got[id].Template || !got[id].Synced || got[id].Expires > 100 || got[id].Expires < 50 {
			t.Errorf("sent %+v, arrived as %+v", c, got[id])
		}
	}
}

// The other kernel would prolong the template by a second at each new connection, had it been told what was left.
func TestATemplateArrivesWithItsServicesTimeOut(t *testing.T) {
	d := ipvs.Daemon{Interface: "eth0", ID: syncID}
	source, director := newPair(t, d)
	template := made(1)
	template.Client = netip.AddrPortFrom(template.Client.Addr(), 0)
	template.Template, template.State, template.Expires = true, 0, 1
	source.send(d, all(template), details)
	for _, got := range director.awaits(1) {
		if !got.Template || got.Expires < 250 || got.Expires > 300 {
			t.Errorf("arrived as %+v, want a template for 300 s", got)
		}
	}
}
