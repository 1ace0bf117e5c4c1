// SPDX-License-Identifier: Apache-2.0

package monitor_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
)

// expectTransitions takes those since it was last called, as "192.0.2.111:8080 up".
func (s *story) expectTransitions(want ...string) {
	s.t.Helper()
	var got []string
	taken := s.TakeTransitions()
	for _, one := range taken.First {
		line := fmt.Sprintf("%v %v", one.Target.Address, one.To)
		if one.Reason != "" {
			line += ": " + one.Reason
		}
		got = append(got, line)
	}
	if more := taken.MoreUp + taken.MoreDown; more > 0 {
		got = append(got, fmt.Sprintf("and %d up, %d down", taken.MoreUp, taken.MoreDown))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.t.Errorf("at %v: transitions were %q, want %q", time.Since(s.begun), got, want)
	}
}

func TestEachTransitionIsToldInItsOrder(t *testing.T) {
	tell(t, 0, func(s *story) {
		spec := tutorial
		spec.Retries = 0
		tomcat := server(111, spec)
		s.Update(set{tomcat: monitor.AdoptUp}, nil)
		s.until(0)
		s.servers.set(tomcat, listens)
		s.until(6 * time.Second)
		s.Update(nil, only(tomcat))
		s.expectTransitions("192.0.2.111:8080 down: connection refused", "192.0.2.111:8080 up")
		s.until(time.Minute)
		s.expectTransitions()
		if stats := s.Stats(); stats.WentUp != 1 || stats.WentDown != 1 {
			t.Errorf("went up %d times and down %d times, want once each", stats.WentUp, stats.WentDown)
		}
	})
}

func TestARealServerThatKeepsItsStateIsNoTransition(t *testing.T) {
	tell(t, 0, func(s *story) {
		tomcat := server(111, tutorial)
		s.servers.set(tomcat, listens)
		s.Update(set{tomcat: monitor.AdoptUp}, nil)
		s.until(0)
		other := tutorial
		other.Retries = 1
		s.Update(set{server(111, other): monitor.StartDown}, only(tomcat))
		s.until(time.Minute)
		s.expectTransitions()
	})
}

func TestManyTransitionsAreCountedAfterTheFirst(t *testing.T) {
	tell(t, 0, func(s *story) {
		all := set{}
		for n := range byte(50) {
			all[server(n, tutorial)] = monitor.StartDown
			s.servers.set(server(n, tutorial), []behaviour{listens, refuses}[n%2])
		}
		s.Update(all, nil)
		s.until(0)
		taken := s.TakeTransitions()
		up, down := taken.MoreUp, taken.MoreDown
		for _, one := range taken.First {
			if one.To == health.Up {
				up++
			} else {
				down++
			}
		}
		if len(taken.First) != monitor.MostTransitions || up != 25 || down != 25 {
			t.Errorf("%d are told and %d went up and %d down in all, want 20, 25 and 25", len(taken.First), up, down)
		}
	})
}
