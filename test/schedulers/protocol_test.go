// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package schedulers

import (
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

func TestDatagramsOfOneSocketGoToOneRealServer(t *testing.T) {
	s := add(t, udp(t, "rr"), evenly(2)...)
	serveUDP(t, s.target(), 1, 2)
	homes := map[string]bool{}
	for range 2 {
		socket := open(t, s.target())
		home := socket.ask()
		homes[home] = true
		for range 5 {
			if got := socket.ask(); got != home {
				t.Errorf("one socket's datagrams went to %s, then to %s", home, got)
			}
		}
	}
	if len(homes) != 2 {
		t.Errorf("two sockets went to %v, want rr between sockets", homes)
	}
}

func TestOnePacketSchedulingAlternatesDatagramsOfOneSocket(t *testing.T) {
	wanted := udp(t, "rr")
	wanted.Flags = ipvs.OnePacket
	s := add(t, wanted, evenly(2)...)
	serveUDP(t, s.target(), 1, 2)
	socket := open(t, s.target())
	for last, i := "", 0; i < 20; i++ {
		name := socket.ask()
		if name == last {
			t.Fatalf("datagrams %d and %d of one socket both went to %s, want them to alternate", i-1, i, name)
		}
		last = name
	}
}
