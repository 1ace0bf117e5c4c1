// SPDX-License-Identifier: Apache-2.0

package monitor_test

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor/monitortest"
)

// story is a Monitor over fake real servers, inside a bubble of time.
type story struct {
	*monitor.Monitor
	t       *testing.T
	servers *servers
	begun   time.Time
	calls   atomic.Int64 // of OnChange
}

// tell runs f in a bubble with a Monitor that makes at most limit checks at once.
func tell(t *testing.T, limit int, f func(*story)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &story{t: t, servers: newServers(), begun: time.Now()}
		s.Monitor = monitor.New(monitor.Options{
			Prober:        monitortest.New(s.servers.Probe),
			OnChange:      func() { s.calls.Add(1) },
			MaxConcurrent: limit,
		})
		defer s.Close()
		f(s)
	})
}

// until lets time go by, up to so long after the story's start, until nothing is left to do then.
func (s *story) until(at time.Duration) {
	<-time.After(at - time.Since(s.begun))
	synctest.Wait()
}

// expect compares what is known of target, as "up since 6s", followed by the reason if there is one.
func (s *story) expect(target health.Target, want string) {
	s.t.Helper()
	if got := s.tells(target); got != want {
		s.t.Errorf("at %v: %v is %q, want %q", time.Since(s.begun), target, got, want)
	}
}

func (s *story) tells(target health.Target) string {
	status, ok := s.State(target)
	if !ok {
		return "not checked here"
	}
	line := fmt.Sprintf("%v since %v", status.State, status.Since.Sub(s.begun))
	if status.Reason != "" {
		line += ": " + status.Reason
	}
	return line
}

func (s *story) expectChecks(target health.Target, want string) {
	s.t.Helper()
	if got := s.servers.checksOf(target); got != want {
		s.t.Errorf("checks of %v began at %s, want %s", target, got, want)
	}
}

func (s *story) expectCalls(want int64) {
	s.t.Helper()
	if got := s.calls.Load(); got != want {
		s.t.Errorf("at %v: OnChange was called %d times, want %d", time.Since(s.begun), got, want)
	}
}

// expectChanged takes what changed since it was last called, in any order.
func (s *story) expectChanged(want ...health.Target) {
	s.t.Helper()
	got := s.TakeChanged()
	byAddress := func(a, b health.Target) int {
		return cmp.Or(a.Address.Compare(b.Address), cmp.Compare(a.Spec.Retries, b.Spec.Retries))
	}
	slices.SortFunc(got, byAddress)
	slices.SortFunc(want, byAddress)
	if !slices.Equal(got, want) {
		s.t.Errorf("at %v: changed were %v, want %v", time.Since(s.begun), got, want)
	}
}

type set = map[health.Target]monitor.Initial

func only(targets ...health.Target) []health.Target { return targets }

func TestRealServerStartsDownAndIsUpAfterItsFirstCheckAtOnce(t *testing.T) {
	tell(t, 0, func(s *story) {
		tomcat := server(111, tutorial)
		s.servers.set(tomcat, slow)
		s.Update(set{tomcat: monitor.StartDown}, nil)
		s.until(time.Second - 1)
		s.expect(tomcat, "unknown since 0s")
		s.expectCalls(0)
		s.until(time.Second)
		s.expect(tomcat, "up since 1s")
		s.expectCalls(1)
		s.until(15 * time.Second)
		s.expectChecks(tomcat, "[0s 6s 12s]")
		s.expectCalls(1)
	})
}

func TestStoppedRealServerGoesDownAfterItsRetriesAndReturnsWithTheFirstPassedCheck(t *testing.T) {
	tell(t, 0, func(s *story) {
		tomcat := server(111, tutorial)
		s.servers.set(tomcat, listens)
		s.Update(set{tomcat: monitor.StartDown}, nil)
		s.until(time.Second)
		s.servers.set(tomcat, refuses)
		s.until(15*time.Second - 1)
		s.expect(tomcat, "up since 0s: connection refused")
		s.until(15 * time.Second)
		s.expect(tomcat, "down since 15s: connection refused")
		s.expectCalls(2)
		s.until(30 * time.Second)
		s.expectChecks(tomcat, "[0s 6s 9s 12s 15s 21s 27s]")
		s.servers.set(tomcat, listens)
		s.until(33 * time.Second)
		s.expect(tomcat, "up since 33s")
		s.expectCalls(3)
	})
}

func TestHangingRealServerIsDownAtTheRemovalBound(t *testing.T) {
	tell(t, 0, func(s *story) {
		tomcat := server(111, tutorial)
		s.servers.set(tomcat, listens)
		s.Update(set{tomcat: monitor.StartDown}, nil)
		s.until(0)
		s.servers.set(tomcat, hangs)
		s.until(tutorial.RemovalBound() - 1)
		s.expect(tomcat, "up since 0s: no answer within 10s")
		s.until(tutorial.RemovalBound())
		s.expect(tomcat, "down since 55s: no answer within 10s")
		if status, _ := s.State(tomcat); status.Latency != tutorial.Timeout {
			t.Errorf("latency is %v, want the timeout", status.Latency)
		}
	})
}

func TestHangingRealServerDoesNotHoldAnother(t *testing.T) {
	tell(t, 0, func(s *story) {
		dead, alive := server(111, tutorial), server(115, tutorial)
		s.servers.set(dead, hangs)
		s.servers.set(alive, listens)
		s.Update(set{dead: monitor.StartDown, alive: monitor.StartDown}, nil)
		s.until(0)
		s.expect(alive, "up since 0s")
		s.expect(dead, "unknown since 0s")
		s.until(18 * time.Second)
		s.expectChecks(alive, "[0s 6s 12s 18s]")
		s.expectChecks(dead, "[0s 16s]")
		s.expect(dead, "down since 10s: no answer within 10s")
	})
}

func TestRealServerAdoptedAsUpIsCheckedAtOnceAndFallsOnlyByTheLaw(t *testing.T) {
	tell(t, 0, func(s *story) {
		tomcat := server(111, tutorial)
		s.servers.set(tomcat, hangs)
		s.Update(set{tomcat: monitor.AdoptUp}, nil)
		s.until(10*time.Second - 1)
		s.expect(tomcat, "up since 0s")
		if status, _ := s.State(tomcat); status.Checked {
			t.Error("checked before the first check ended")
		}
		s.servers.set(tomcat, refuses)
		s.until(10 * time.Second)
		s.expect(tomcat, "up since 0s: no answer within 10s")
		if status, _ := s.State(tomcat); !status.Checked {
			t.Error("not checked after the first check")
		}
		s.expectCalls(1) // it is checked now, though its state is the same
		s.expectChanged(tomcat)
		s.until(19 * time.Second)
		s.expect(tomcat, "down since 19s: connection refused")
		s.expectChecks(tomcat, "[0s 13s 16s 19s]")
	})
}

func TestChangedSpecificationKeepsTheState(t *testing.T) {
	tell(t, 0, func(s *story) {
		tomcat := server(111, tutorial)
		s.servers.set(tomcat, listens)
		s.Update(set{tomcat: monitor.StartDown}, nil)
		s.until(time.Second)

		quick := tutorial
		quick.Interval, quick.Retries = 2*time.Second, 0
		changed := server(111, quick)
		s.Update(set{changed: monitor.StartDown}, only(tomcat))
		s.expect(changed, "up since 0s")
		s.expect(tomcat, "not checked here")
		if status, _ := s.State(changed); !status.Checked {
			t.Error("not checked any more after a change of the specification")
		}
		s.until(5 * time.Second)
		s.expectChecks(changed, "[0s 3s 5s]")
		s.expectCalls(1)
		s.servers.set(changed, refuses)
		s.until(7 * time.Second)
		s.expect(changed, "down since 7s: connection refused")
	})
}

func TestSpecificationChangedDuringACheckIsCheckedAtOnce(t *testing.T) {
	tell(t, 0, func(s *story) {
		tomcat := server(111, tutorial)
		s.servers.set(tomcat, hangs)
		s.Update(set{tomcat: monitor.AdoptUp}, nil)
		s.until(time.Second)
		s.servers.set(tomcat, listens)
		quick := tutorial
		quick.Interval = 2 * time.Second
		changed := server(111, quick)
		s.Update(set{changed: monitor.StartDown}, only(tomcat))
		s.until(time.Second)
		s.expect(changed, "up since 0s")
		s.expectChecks(changed, "[0s 1s]")
		if stats := s.Stats(); stats.Late != 0 || stats.Running != 0 {
			t.Errorf("late %d, running %d, want none", stats.Late, stats.Running)
		}
	})
}

func TestNewSpecificationGoesOnFromTheOneThatItReplaces(t *testing.T) {
	tell(t, 0, func(s *story) {
		strict, lax, medium := tutorial, tutorial, tutorial
		strict.Retries, lax.Retries, medium.Retries = 0, 100, 2
		s.Update(set{server(111, strict): monitor.AdoptUp, server(111, lax): monitor.AdoptUp}, nil)
		s.until(0)
		s.expect(server(111, strict), "down since 0s: connection refused")
		s.expect(server(111, lax), "up since 0s: connection refused")

		s.until(time.Second)
		s.Update(set{server(111, medium): monitor.StartDown}, only(server(111, strict)))
		s.expect(server(111, medium), "down since 0s: connection refused")

		other := tutorial
		other.Retries = 7
		s.Update(set{server(111, other): monitor.StartDown}, nil)
		s.expect(server(111, other), "up since 0s: connection refused")
	})
}

func TestRemovedRealServerIsForgotten(t *testing.T) {
	tell(t, 0, func(s *story) {
		tomcat := server(111, tutorial)
		s.servers.set(tomcat, listens)
		s.Update(set{tomcat: monitor.StartDown}, nil)
		s.until(0)
		s.Update(nil, only(tomcat))
		s.expect(tomcat, "not checked here")
		s.until(time.Minute)
		s.expectChecks(tomcat, "[0s]")
		s.servers.set(tomcat, slow)
		s.Update(set{tomcat: monitor.StartDown}, nil)
		s.until(time.Minute)
		s.expect(tomcat, "unknown since 1m0s")
		s.until(61 * time.Second)
		s.expect(tomcat, "up since 1m1s")
	})
}

func TestRealServerRemovedDuringItsCheckEndsTheCheck(t *testing.T) {
	tell(t, 0, func(s *story) {
		tomcat := server(111, tutorial)
		s.servers.set(tomcat, hangs)
		s.Update(set{tomcat: monitor.StartDown}, nil)
		s.until(time.Second)
		s.Update(nil, only(tomcat))
		synctest.Wait()
		if stats := s.Stats(); stats.Running != 0 || stats.Targets != 0 {
			t.Errorf("%d checks run for %d targets, want none", stats.Running, stats.Targets)
		}
		s.expectCalls(0)

		s.servers.set(tomcat, listens)
		s.Update(set{tomcat: monitor.StartDown}, nil)
		s.until(time.Second)
		s.expect(tomcat, "up since 1s")
	})
}

func TestRealServerAddedAgainGoesOnUndisturbed(t *testing.T) {
	tell(t, 0, func(s *story) {
		tomcat, other := server(111, tutorial), server(115, tutorial)
		s.servers.set(tomcat, listens)
		s.Update(set{tomcat: monitor.StartDown}, nil)
		for i := range 12 {
			s.until(time.Duration(i) * time.Second)
			s.Update(set{tomcat: monitor.StartDown}, []health.Target{tomcat}[:i%2])
		}
		s.Update(set{tomcat: monitor.AdoptUp, other: monitor.StartDown}, nil)
		s.until(12 * time.Second)
		s.expect(tomcat, "up since 0s")
		s.expectChecks(tomcat, "[0s 6s 12s]")
		s.expectChecks(other, "[11s]")
	})
}

func TestFlappingRealServerCallsOncePerChange(t *testing.T) {
	tell(t, 0, func(s *story) {
		spec := tutorial
		spec.Retries = 0
		tomcat := server(111, spec)
		s.Update(set{tomcat: monitor.StartDown}, nil)
		for i := range 100 {
			s.servers.set(tomcat, []behaviour{listens, refuses}[i%2])
			s.until(time.Duration(i) * spec.Interval)
		}
		s.expectCalls(100)
		s.expect(tomcat, "down since 9m54s: connection refused")
	})
}

func TestReachedBoundMakesChecksWaitAndIsCounted(t *testing.T) {
	tell(t, 2, func(s *story) {
		first, second, third := server(1, tutorial), server(2, tutorial), server(3, tutorial)
		for _, dead := range []health.Target{first, second, third} {
			s.servers.set(dead, hangs)
		}
		s.Update(set{first: 0, second: 0, third: 0}, nil)
		s.until(15 * time.Second)
		if peak := s.servers.mostAtOnce(); peak != 2 {
			t.Errorf("%d checks ran at once, want 2", peak)
		}
		want := monitor.Stats{
			Targets: 3, Running: 1, Turned: s.begun.Add(15 * time.Second), Started: 3, Late: 1, Lateness: 10 * time.Second, WentDown: 2,
		}
		if got := s.Stats(); got != want {
			t.Errorf("got %+v\nwant %+v", got, want)
		}
		s.until(20 * time.Second)
		s.expectChanged(first, second, third)
	})
}

func TestTenThousandRealServersAreSpreadAndCheckedEachOncePerInterval(t *testing.T) {
	tell(t, 0, func(s *story) {
		const n = 10000
		spec := tutorial
		targets := set{}
		address := netip.MustParseAddr("2001:db8::1")
		for range n {
			target := health.Target{Address: netip.AddrPortFrom(address, 80), Spec: spec}
			address = address.Next()
			targets[target] = monitor.StartDown
			s.servers.set(target, listens)
		}
		s.Update(targets, nil)
		s.until(time.Second)
		if got := s.Stats().Started; got < n/10 || got > n/3 { // all within 10,000 * 0.5 ms
			t.Errorf("%d checks within the first second, want about %d", got, n/5)
		}
		s.until(spec.Interval - 1)
		if up := len(s.TakeChanged()); up != n {
			t.Errorf("%d were up within an interval, want %d", up, n)
		}
		// The first interval is shorter, each as the hash of its address will have it, so that later checks keep out of each other's way.
		if got := s.Stats(); got.Started < n || got.Started > 2*n || got.Late != 0 {
			t.Errorf("%d checks within the first interval, %d late; want %d to %d, and 0", got.Started, got.Late, n, 2*n)
		}
		s.until(2*spec.Interval - 1)
		before := s.Stats().Started
		for tenth := 1; tenth <= 10; tenth++ {
			s.until(2*spec.Interval + time.Duration(tenth)*spec.Interval/10)
			got := s.Stats().Started - before
			if fair := uint64(tenth) * n / 10; got < fair-n/50 || got > fair+n/50 {
				t.Errorf("%d checks within %d tenths of an interval, want about %d", got, tenth, fair)
			}
		}
		if changed := s.TakeChanged(); changed != nil {
			t.Errorf("%d changed though nothing happened", len(changed))
		}
	})
}

func TestCloseEndsRunningChecksAndKeepsTheStates(t *testing.T) {
	tell(t, 0, func(s *story) {
		up, hanging := server(111, tutorial), server(115, tutorial)
		s.servers.set(up, listens)
		s.servers.set(hanging, hangs)
		s.Update(set{up: monitor.StartDown, hanging: monitor.AdoptUp}, nil)
		s.until(time.Second)
		s.Close()
		if took := time.Since(s.begun); took != time.Second {
			t.Errorf("Close waited until %v", took)
		}
		s.until(time.Minute)
		s.expect(up, "up since 0s")
		s.expect(hanging, "up since 0s")
		s.expectChecks(up, "[0s]")
		s.expectCalls(1)
	})
}

func TestOnChangeMayReadTheMonitor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tomcat := server(111, tutorial)
		fake := newServers()
		fake.set(tomcat, listens)
		seen := make(chan health.State, 1)
		var m *monitor.Monitor
		m = monitor.New(monitor.Options{Prober: monitortest.New(fake.Probe), OnChange: func() {
			status, _ := m.State(tomcat)
			seen <- status.State
		}})
		defer m.Close()
		m.Update(set{tomcat: monitor.StartDown}, nil)
		if got := <-seen; got != health.Up {
			t.Errorf("OnChange saw %v, want up", got)
		}
	})
}
