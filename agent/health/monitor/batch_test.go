// SPDX-License-Identifier: Apache-2.0

package monitor_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor/monitortest"
)

func TestManyChecksBeginTogetherAndShortIntervalsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fast := server(1, health.Spec{Check: check.TCP{}, Interval: 100 * time.Millisecond, Timeout: 50 * time.Millisecond})
		slow := health.Spec{Check: check.TCP{}, Interval: 20 * time.Second, Timeout: time.Second}
		fake := newServers()
		m := monitor.New(monitor.Options{Prober: monitortest.New(fake.Probe)})
		defer m.Close()
		targets := set{fast: monitor.StartDown}
		for n := range 10000 {
			address := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 8, byte(n / 100), byte(n % 100)}), 80)
			targets[health.Target{Address: address, Spec: slow}] = monitor.StartDown
			fake.is[address] = listens
		}
		fake.is[fast.Address] = listens
		m.Update(targets, nil)
		<-time.After(time.Minute)
		fake.forget()
		<-time.After(slow.Interval)

		starts, all := fake.starts()
		if all < 10000+190 || len(starts) > 1150 {
			t.Errorf("%d checks began at %d times, want all, at 1,150 times at most: every 20 ms, and some of those with the short interval", all, len(starts))
		}
		times := fake.checks[fast.Address]
		for i := 1; i < len(times); i++ {
			if gap := times[i] - times[i-1]; gap < 96*time.Millisecond || gap > 104*time.Millisecond {
				t.Errorf("%v after a check the next one began, want 100 ms", gap)
			}
		}
		if stats := m.Stats(); stats.Late > 0 {
			t.Errorf("%d checks count as late", stats.Late)
		}
	})
}

// ponderous is a Prober that takes a millisecond to begin a check.
type ponderous struct{ *monitortest.Prober }

func (p ponderous) Start(place int, t health.Target) {
	<-time.After(time.Millisecond)
	p.Prober.Start(place, t)
}

func TestChecksThatBeginTogetherHaveTheirWholeTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := func(ctx context.Context, _ health.Target) error {
			select {
			case <-ctx.Done():
				return errors.New("no answer")
			case <-time.After(5 * time.Millisecond):
				return nil
			}
		}
		m := monitor.New(monitor.Options{Prober: ponderous{monitortest.New(answers)}})
		defer m.Close()
		targets := set{}
		for n := range health.Few {
			targets[server(byte(n), health.Spec{Check: check.TCP{}, Interval: time.Second, Timeout: 20 * time.Millisecond})] = monitor.AdoptUp
		}
		m.Update(targets, nil)
		<-time.After(500 * time.Millisecond) // all were checked once
		for target := range targets {
			if status, _ := m.State(target); status.State != health.Up || status.Reason != "" {
				t.Errorf("%v is %v: %s", target.Address, status.State, status.Reason)
			}
		}
	})
}
