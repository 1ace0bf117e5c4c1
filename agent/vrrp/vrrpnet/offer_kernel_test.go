// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package vrrpnet

import (
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// withoutPreemption is a director that no other one preempts.
func withoutPreemption(priority uint8) vrrp.Config {
	c := config(priority)
	c.Preempt = false
	return c
}

// An Active that yields is Active until the other one is, and takes nothing back, better or not.
func TestAnActiveThatYieldsHandsOverWhereNobodyPreempts(t *testing.T) {
	master, brucelee := pair(t, withoutPreemption(100), withoutPreemption(99))
	wire := master.host.listen()
	eventually(t, "the wire is heard", func() bool { return wire.hears() })
	begin := time.Now()
	master.Yield()
	within(t, "takeover after an offer", brucelee.await(vrrp.Active).Sub(begin), 0, skew(99, unit))
	master.await(vrrp.Backup)
	brucelee.steady(5 * unit)
	master.steady(0)
	// And back: it is no lesser one now.
	brucelee.Yield()
	master.await(vrrp.Active)
	brucelee.await(vrrp.Backup)
	master.steady(5 * unit)
	us, them := master.host.source(vip), brucelee.host.source(vip)
	wire.tookTurns(us, them, us)
}

func TestAnActiveThatYieldsAloneIsActiveStill(t *testing.T) {
	m, s := newLab(t)
	master := m.start(withoutPreemption(100))
	master.await(vrrp.Backup)
	master.await(vrrp.Active)
	master.Yield()
	if master.Standing() != vrrp.Waiting || master.State() != vrrp.Active {
		t.Errorf("%s, %s after the offer", master.State(), master.Standing())
	}
	begin := time.Now()
	eventually(t, "it is Active again", func() bool { return master.Standing() == vrrp.Holding })
	within(t, "an offer that nobody takes", time.Since(begin), 2*unit, 3*unit+skew(100, unit))
	master.steady(unit)
	// A Backup that comes during an offer gets the role.
	brucelee := s.start(withoutPreemption(50))
	brucelee.await(vrrp.Backup)
	eventually(t, "brucelee hears master", func() bool { return brucelee.Stats().ActiveSource.String() == m.addr })
	master.Yield()
	brucelee.await(vrrp.Active)
	master.await(vrrp.Backup)
}

func TestABackupThatClaimsIsActiveAtOnceAndAnActiveThatIsBetterAnswers(t *testing.T) {
	master, brucelee := pair(t, config(100), config(99))
	brucelee.Claim()
	brucelee.await(vrrp.Active)
	brucelee.await(vrrp.Backup)
	master.steady(5 * unit)
	brucelee.steady(0)
	low := config(50)
	if err := master.Reconfigure(low); err != nil {
		t.Fatal(err)
	}
	brucelee.Claim()
	brucelee.await(vrrp.Active)
	master.await(vrrp.Backup)
	brucelee.steady(5 * unit)
}

// keepalived with nopreempt takes the role that we offer, and gives it to nobody who merely is better; we take it when it stops.
func TestKeepalivedTakesTheRoleThatWeOffer(t *testing.T) {
	for _, c := range []vrrp.Config{
		withoutPreemption(100),
		{Version: vrrp.Version2, VRID: 66, Priority: 100, Interval: time.Second, Addresses: config(100).Addresses},
	} {
		t.Run("version "+c.Version.String(), func(t *testing.T) {
			m, s := newLab(t)
			e := encounter{version: c.Version, interval: c.Interval}
			ours := m.start(c)
			ours.await(vrrp.Backup)
			ours.await(vrrp.Active)
			theirs := c
			theirs.Priority = 99
			s.keepalived(theirs, "")
			ours.steady(2 * c.Interval)
			wire := m.listen()
			eventually(t, "the wire is heard", func() bool { return wire.hears() })
			begin := time.Now()
			ours.Yield()
			within(t, "keepalived takes over after our offer", ours.await(vrrp.Backup).Sub(begin), 0, skew(99, e.skewUnit()))
			eventually(t, "keepalived has the address", func() bool { return s.has(vip) })
			ours.steady(max(5*c.Interval, time.Second))
			wire.tookTurns(m.source(vip), s.source(vip))
		})
	}
}

// hears says whether anything was heard.
func (w *wire) hears() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.heard) > 0
}
