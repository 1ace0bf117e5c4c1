// SPDX-License-Identifier: Apache-2.0

package monitor_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor/monitortest"
)

const notEnded = "the check did not end within 5s after its timeout: this is a fault of the agent's, not of the real server"

// expectPlaces compares how many checks run and are stuck.
func (s *story) expectPlaces(running, stuck int) {
	s.t.Helper()
	if stats := s.Stats(); stats.Running != running || stats.Stuck != stuck {
		s.t.Errorf("at %v: %d checks run and %d are stuck, want %d and %d", time.Since(s.begun), stats.Running, stats.Stuck, running, stuck)
	}
}

func TestCheckThatDoesNotEndIsGivenUpAndTheRealServerCheckedInAnotherPlace(t *testing.T) {
	tell(t, 2, func(s *story) {
		tomcat := server(111, tutorial)
		s.servers.set(tomcat, deaf)
		s.Update(set{tomcat: monitor.AdoptUp}, nil)
		s.until(15*time.Second - 1)
		s.expect(tomcat, "up since 0s")
		s.expectPlaces(1, 0)

		s.until(15 * time.Second)
		s.expect(tomcat, "up since 0s: "+notEnded)
		s.expectPlaces(0, 1)
		if status, _ := s.State(tomcat); status.Checked {
			t.Error("the fault of the agent's counts as a check")
		}

		s.servers.set(tomcat, refuses)
		s.until(30 * time.Second)
		s.expectChecks(tomcat, "[0s 21s 24s 27s 30s]")
		s.expect(tomcat, "down since 30s: connection refused")

		// The result that comes at last passed, and nobody wants it.
		close(s.servers.freed)
		synctest.Wait()
		s.expect(tomcat, "down since 30s: connection refused")
		s.expectPlaces(0, 0)
		s.until(36 * time.Second)
		s.expect(tomcat, "down since 30s: connection refused")
		s.expectChecks(tomcat, "[36s]")
	})
}

func TestChecksThatSayNothingAreCountedAndChangeNothing(t *testing.T) {
	tell(t, 0, func(s *story) {
		tomcat, hung := server(111, tutorial), server(115, tutorial)
		s.servers.set(tomcat, unmade)
		s.servers.set(hung, deaf)
		s.Update(set{tomcat: monitor.AdoptUp, hung: monitor.AdoptUp}, nil)
		s.until(15 * time.Second)
		s.expectChecks(tomcat, "[0s 6s 12s]")
		s.expect(tomcat, "up since 0s: check not made: the director is out of file descriptors")
		if got := s.Stats().Inconclusive; got != 4 {
			t.Errorf("%d checks are counted, want three that were not made and one that did not end", got)
		}

		s.servers.set(tomcat, refuses)
		s.until(27 * time.Second)
		s.expect(tomcat, "down since 27s: connection refused")
		if got := s.Stats().Inconclusive; got != 4 {
			t.Errorf("%d checks are counted, want no more than before", got)
		}
		close(s.servers.freed)
	})
}

func TestStuckPlacesAreNotUsedUntilTheirChecksHaveEnded(t *testing.T) {
	tell(t, 1, func(s *story) {
		first, second := server(111, tutorial), server(115, tutorial)
		s.servers.set(first, deaf)
		s.Update(set{first: monitor.StartDown}, nil)
		s.until(time.Second)
		s.Update(set{second: monitor.StartDown}, nil)
		s.until(time.Minute)
		s.expectPlaces(0, 1)
		s.expectChecks(second, "[]")

		s.servers.set(second, listens)
		close(s.servers.freed)
		synctest.Wait()
		s.expectPlaces(0, 0)
		s.expect(second, "up since 1m0s")
		if peak := s.servers.mostAtOnce(); peak != 1 {
			t.Errorf("%d checks ran at once, want 1", peak)
		}
	})
}

func TestRealServerWhoseChecksDoNotEndTakesTwoPlacesAndNoMore(t *testing.T) {
	tell(t, 3, func(s *story) {
		hung, well := server(111, tutorial), server(115, tutorial)
		s.servers.set(hung, deaf)
		s.servers.set(well, listens)
		s.Update(set{hung: monitor.AdoptUp, well: monitor.StartDown}, nil)
		s.until(time.Hour)
		s.expectChecks(hung, "[0s 21s]")
		s.expectPlaces(0, 2)
		s.expect(hung, "up since 0s: "+notEnded)
		s.expect(well, "up since 0s")
		if got := s.Stats().Started; got < 600 {
			t.Errorf("%d checks began within an hour: those of the other real server every 6 s alone are 600", got)
		}

		s.servers.set(hung, refuses)
		close(s.servers.freed)
		synctest.Wait()
		s.expectPlaces(0, 0)
		s.until(time.Hour + 18*time.Second)
		s.expect(hung, "down since 1h0m15s: connection refused")
	})
}

func TestRealServerRemovedDuringACheckThatDoesNotEndIsForgotten(t *testing.T) {
	tell(t, 0, func(s *story) {
		tomcat := server(111, tutorial)
		s.servers.set(tomcat, deaf)
		s.Update(set{tomcat: monitor.StartDown}, nil)
		s.until(time.Second)
		s.Update(nil, only(tomcat))
		s.until(6*time.Second - 1)
		s.expectPlaces(1, 0)
		s.until(6 * time.Second)
		s.expectPlaces(0, 1)
		s.until(time.Minute)
		s.expectChecks(tomcat, "[0s]")
		close(s.servers.freed)
		synctest.Wait()
		s.expectPlaces(0, 0)
	})
}

func TestCloseDoesNotWaitForEverForACheckThatDoesNotEnd(t *testing.T) {
	tell(t, 0, func(s *story) {
		stuck, deafAtTheEnd := server(111, tutorial), server(115, tutorial)
		s.servers.set(stuck, deaf)
		s.servers.set(deafAtTheEnd, deaf)
		s.Update(set{stuck: monitor.AdoptUp}, nil)
		s.until(15 * time.Second)
		s.Update(set{deafAtTheEnd: monitor.AdoptUp}, nil)
		s.until(16 * time.Second)
		s.Close()
		if took := time.Since(s.begun); took != 21*time.Second {
			t.Errorf("Close waited until %v, want 21s", took)
		}
		s.expect(deafAtTheEnd, "up since 15s")
		close(s.servers.freed)
	})
}

func TestLoopTurnsEveryFewSecondsEvenIfNothingHappensAndIsSeenToHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, hangs := newServers(), make(chan struct{})
		m := monitor.New(monitor.Options{Prober: monitortest.New(fake.Probe), OnChange: func() { <-hangs }})
		defer m.Close()
		age := func() time.Duration { return time.Since(m.Stats().Turned) }
		<-time.After(time.Hour - time.Second)
		synctest.Wait()
		if got := age(); got != 4*time.Second {
			t.Errorf("the last turn was %v ago, want 4s", got)
		}
		m.Update(set{server(111, tutorial): monitor.StartDown}, nil)
		<-time.After(time.Minute)
		if got := age(); got != time.Minute {
			t.Errorf("the last turn of a loop that hangs was %v ago, want 1m", got)
		}
		close(hangs)
	})
}
