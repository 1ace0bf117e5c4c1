// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"net/netip"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

func TestAPeerIsRememberedForHalfAMinuteByItsLastWord(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	source := netip.MustParseAddr("192.0.2.112")
	var p peers
	p.hear(Peer{Source: source, Priority: 99, Heard: start})
	p.hear(Peer{Source: netip.MustParseAddr("192.0.2.9"), Priority: 50, Heard: start.Add(time.Second)})
	p.hear(Peer{Source: source, Discarded: vrrp.ErrChecksum, Heard: start.Add(2 * time.Second)})
	list := p.list(start.Add(3 * time.Second))
	if len(list) != 2 || list[0].Priority != 50 || list[1].Source != source || list[1].Discarded != vrrp.ErrChecksum || list[1].Priority != 0 {
		t.Errorf("peers: %+v", list)
	}
	if list := p.list(start.Add(peerMemory + time.Second)); len(list) != 1 || list[0].Source != source {
		t.Errorf("half a minute after the first: %+v", list)
	}
	if list := p.list(start.Add(peerMemory + 2*time.Second)); len(list) != 0 {
		t.Errorf("half a minute after the last: %+v", list)
	}
}

func TestAFloodOfInventedPeersIsBoundedAndCannotHideOneThatGoesOn(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	real, invented := netip.MustParseAddr("192.0.2.112"), netip.MustParseAddr("203.0.113.1")
	var p peers
	for range 10 {
		now = now.Add(time.Millisecond)
		p.hear(Peer{Source: real, Priority: 99, Heard: now})
		for range mostPeers - 2 {
			invented = invented.Next()
			now = now.Add(time.Millisecond)
			p.hear(Peer{Source: invented, Priority: 1, Heard: now})
		}
		list := p.list(now)
		if len(list) > mostPeers || list[0].Source != real {
			t.Fatalf("%d peers, the first from %s", len(list), list[0].Source)
		}
	}
}

func TestHearingAPeerTakesNoMemory(t *testing.T) {
	var p peers
	peer := Peer{Source: netip.MustParseAddr("192.0.2.112"), Priority: 99, Heard: time.Now()}
	if allocations := testing.AllocsPerRun(100, func() { p.hear(peer) }); allocations != 0 {
		t.Errorf("%v allocations a packet", allocations)
	}
}
