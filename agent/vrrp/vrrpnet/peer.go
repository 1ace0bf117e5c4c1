// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// Peer is another one that advertises with a router's id, as this director hears it. A Backup is silent, and not seen.
type Peer struct {
	// Source is the address that its advertisements come from.
	Source netip.Addr
	// Priority is that of its last good advertisement; 0 for one that resigned, and while none was good.
	Priority uint8
	// Discarded is why its last advertisement was thrown away; 0: it was not.
	Discarded vrrp.Discard
	// Heard is when its last advertisement came.
	Heard time.Time
}

const (
	// peerMemory is how long a peer is remembered after its last advertisement.
	peerMemory = 30 * time.Second
	// mostPeers bounds the peers of one router: anybody on the link can invent more.
	mostPeers = 16
)

// peers are those of one router. The thread writes them, anybody reads them.
type peers struct {
	mu  sync.Mutex
	all [mostPeers]Peer
	// len says how many of all there are.
	len int
}

// hear notes an advertisement. The one that was silent for longest makes room for another.
func (p *peers) hear(heard Peer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*p.place(heard.Source) = heard
}

func (p *peers) place(source netip.Addr) *Peer {
	oldest := 0
	for i := range p.all[:p.len] {
		if p.all[i].Source == source {
			return &p.all[i]
		}
		if p.all[i].Heard.Before(p.all[oldest].Heard) {
			oldest = i
		}
	}
	if p.len < mostPeers {
		p.len++
		return &p.all[p.len-1]
	}
	return &p.all[oldest]
}

// list are the peers that were heard lately, by source.
func (p *peers) list(now time.Time) []Peer {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []Peer
	for _, peer := range p.all[:p.len] {
		if now.Sub(peer.Heard) < peerMemory {
			list = append(list, peer)
		}
	}
	slices.SortFunc(list, func(a, b Peer) int { return a.Source.Compare(b.Source) })
	return list
}
