// SPDX-License-Identifier: Apache-2.0

package monitor_test

import (
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor/monitortest"
)

func TestEachChangeIsToldOnce(t *testing.T) {
	tell(t, 0, func(s *story) {
		spec := tutorial
		spec.Retries = 0
		tomcat, other := server(111, spec), server(115, spec)
		s.servers.set(other, listens)
		s.Update(set{tomcat: monitor.StartDown, other: monitor.StartDown}, nil)
		s.expectChanged()
		s.until(0)
		s.expectChanged(tomcat, other)
		s.expectChanged()
		s.until(6 * time.Second)
		s.expectChanged()

		// Down, up and down again is one change for somebody who looks afterwards.
		for i := range 4 {
			s.servers.set(tomcat, []behaviour{listens, refuses}[i%2])
			s.until(time.Duration(i+2) * spec.Interval)
		}
		s.expectChanged(tomcat)
	})
}

func TestChangeOfARemovedRealServerIsNotTold(t *testing.T) {
	tell(t, 0, func(s *story) {
		tomcat, other := server(111, tutorial), server(115, tutorial)
		s.Update(set{tomcat: monitor.StartDown, other: monitor.StartDown}, nil)
		s.until(0)
		s.Update(nil, only(tomcat, tomcat, server(120, tutorial)))
		s.expectChanged(other)
		if got := s.Stats().Targets; got != 1 {
			t.Errorf("%d targets are left, want 1", got)
		}
	})
}

func TestChangeThatNobodyTookGoesOverToTheNewSpecification(t *testing.T) {
	tell(t, 0, func(s *story) {
		tomcat := server(111, tutorial)
		s.servers.set(tomcat, listens)
		s.Update(set{tomcat: monitor.StartDown}, nil)
		s.until(0)
		quick := tutorial
		quick.Interval = time.Second
		changed := server(111, quick)
		s.Update(set{changed: monitor.StartDown}, only(tomcat))
		s.expectChanged(changed)
		s.expect(changed, "up since 0s")
	})
}

func TestSpecificationsOfOneRealServerComeAndGoInAnyOrder(t *testing.T) {
	specs := make([]health.Target, 3)
	for i := range specs {
		spec := tutorial
		spec.Retries = i
		specs[i] = server(111, spec)
	}
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			tell(t, 0, func(s *story) {
				for _, target := range specs {
					s.Update(set{target: monitor.StartDown}, nil)
				}
				s.until(0)
				for gone, n := range order {
					s.Update(nil, only(specs[n]))
					s.expect(specs[n], "not checked here")
					for _, left := range order[gone+1:] {
						s.expect(specs[left], "down since 0s: connection refused")
					}
				}
				if got := s.Stats().Targets; got != 0 {
					t.Errorf("%d targets are left, want none", got)
				}
			})
		})
	}
}

func TestNewSpecificationsOfOneRealServerBeginAsTheirOwnInitialSays(t *testing.T) {
	tell(t, 0, func(s *story) {
		strict := tutorial
		strict.Retries = 0
		adopted, fresh := server(111, tutorial), server(111, strict)
		s.servers.set(adopted, hangs)
		s.Update(set{adopted: monitor.AdoptUp, fresh: monitor.StartDown}, nil)
		s.expect(adopted, "up since 0s")
		s.expect(fresh, "unknown since 0s")
		s.expectChanged()
	})
}

// idle passes every check at once.
type idle struct{}

func (idle) Probe(context.Context, health.Target) error { return nil }

// watching returns a Monitor of n real servers whose checks are far apart, and the targets.
func watching(b *testing.B, n int) (*monitor.Monitor, []health.Target) {
	b.Helper()
	spec := tutorial
	spec.Interval = time.Hour
	targets := make([]health.Target, n)
	add := make(set, n)
	address := netip.MustParseAddr("2001:db8::1")
	for i := range targets {
		targets[i] = health.Target{Address: netip.AddrPortFrom(address, 80), Spec: spec}
		add[targets[i]] = monitor.AdoptUp
		address = address.Next()
	}
	m := monitor.New(monitor.Options{Prober: monitortest.New(idle{}.Probe)})
	b.Cleanup(m.Close)
	m.Update(add, nil)
	return m, targets
}

// BenchmarkUpdate replaces one of many; the time shall not depend on how many.
func BenchmarkUpdate(b *testing.B) {
	for _, n := range []int{100, 100_000} {
		b.Run(fmt.Sprintf("one of %d", n), func(b *testing.B) {
			m, targets := watching(b, n)
			other := targets[0]
			other.Spec.Retries = 1
			swap := [2]health.Target{targets[0], other}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				m.Update(set{swap[(i+1)%2]: monitor.StartDown}, only(swap[i%2]))
				m.TakeChanged()
			}
		})
	}
}

// BenchmarkMemory reports what a target at rest costs.
func BenchmarkMemory(b *testing.B) {
	const n = 100_000
	heap := func() uint64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	for b.Loop() {
		before := heap()
		m, targets := watching(b, n)
		after := heap()
		b.ReportMetric(float64(after-before)/n-float64(unsafe.Sizeof(targets[0])), "B/target")
		runtime.KeepAlive(targets)
		m.Close()
	}
}
