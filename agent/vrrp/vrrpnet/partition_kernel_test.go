// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package vrrpnet

import (
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// part cuts the directors from each other, both ways, or brings them together again. Links stay up, and others hear both.
func part(directors ...*host) (heal func()) {
	set := make([]func(apart bool), 0, len(directors))
	for _, h := range directors {
		links, port := h.switched.links(), h.switched.link(h.port)
		set = append(set, func(apart bool) {
			if err := links.LinkSetIsolated(port, apart); err != nil {
				h.t.Fatalf("isolate %s: %v", h.port, err)
			}
		})
		set[len(set)-1](true)
	}
	return func() {
		for _, one := range set {
			one(false)
		}
	}
}

// Two directors that cannot hear each other are both Active: nothing can keep them from it. Once they can, there is one again within
// an interval, whoever speaks first, and a client that had learnt of the false one is told of the rightful one.
func TestAHealedPartitionHasOneActiveWithinAnInterval(t *testing.T) {
	for _, interval := range []time.Duration{time.Second, 100 * time.Millisecond} {
		for _, first := range []string{"master", "brucelee"} {
			t.Run(interval.String()+", "+first+" speaks first", func(t *testing.T) { healAPartition(t, interval, first) })
		}
	}
}

func healAPartition(t *testing.T, interval time.Duration, first string) {
	t.Helper()
	m, s := newLab(t)
	client := m.newClient()
	wire := m.listen()
	c := config(100)
	c.Interval = interval
	// No later burst makes up for an announcement that is missing.
	c.Announcements = vrrp.Announcements{Delay: 10 * time.Millisecond}
	master := m.serve(c, func(o *Options) { o.Resume = true })
	master.await(vrrp.Active)
	c.Priority = 99
	brucelee := s.serve(c)
	brucelee.await(vrrp.Backup)
	eventually(t, "brucelee hears master", func() bool { return brucelee.Stats().ActiveSource.String() == m.addr })
	asking := client.ask(vip)
	reachesMaster, reachesBrucelee := client.reaches(vip, m), client.reaches(vip, s)
	eventually(t, "the client reaches master", reachesMaster)

	begin := time.Now()
	heal := part(m, s)
	within(t, "takeover after the cut", brucelee.await(vrrp.Active).Sub(begin), 2*interval, 3*interval+skew(99, interval))
	eventually(t, "the client is told of brucelee", reachesBrucelee)
	brucelee.steady(2 * interval)
	master.steady(0)
	// The one that has just spoken is not the first to speak then.
	silent := s
	if first == "brucelee" {
		silent = m
	}
	wire.await(silent.source(vip))
	healed := time.Now()
	heal()
	alone := brucelee.await(vrrp.Backup).Sub(healed)
	eventually(t, "the client reaches master again", reachesMaster)
	told := time.Since(healed)
	t.Logf("after the cut was healed: one Active in %s, the client told in %s", alone.Round(time.Millisecond), told.Round(time.Millisecond))
	if alone > interval+crossing || told > time.Second {
		inTime(t, master.watched, brucelee.watched)
		t.Errorf("want %s and a second at most", interval+crossing)
	}
	master.steady(5 * interval)
	brucelee.steady(0)
	if last := wire.lastOf(s.source(vip)).Sub(healed); last > interval+crossing {
		inTime(t, master.watched, brucelee.watched)
		t.Errorf("brucelee still advertised %s after the cut was healed, want at most %s", last, interval)
	}
	asking.lostNothing()
}
