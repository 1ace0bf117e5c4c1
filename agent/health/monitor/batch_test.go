// SPDX-License-Identifier: Apache-2.0

package monitor_test

import (
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
		}
		m.Update(targets, nil)
		<-time.After(time.Minute)
		fake.forget()
		<-time.After(slow.Interval)

		starts, all := fake.starts()
		if all < 10000+190 || len(starts) > 500 {
			t.Errorf("%d checks began at %d times, want all, at 500 times at most", all, len(starts))
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
