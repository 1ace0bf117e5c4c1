// SPDX-License-Identifier: Apache-2.0

package monitor_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// tutorial is the check of the LVS guide's virtual_server.
var tutorial = health.Spec{
	Check: check.TCP{}, Interval: 6 * time.Second, Timeout: 10 * time.Second, Retries: 3, RetryDelay: 3 * time.Second,
}

var errRefused = errors.New("connection refused")

// server is a target for the n-th real server of the story, checked as spec says.
func server(n byte, spec health.Spec) health.Target {
	return health.Target{Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, n}), 8080), Spec: spec}
}

type behaviour uint8

const (
	refuses behaviour = iota
	listens
	hangs
	slow   // accepts after a second
	unmade // cannot be checked, for the director has no file descriptor
	deaf   // ends when the story frees it, whatever the monitor says
)

// servers makes checks of real servers that the story starts and stops. Those it does not name refuse.
type servers struct {
	mu      sync.Mutex
	begun   time.Time
	is      map[netip.AddrPort]behaviour
	checks  map[netip.AddrPort][]time.Duration // when each check began, from the story's start
	running int
	peak    int
	freed   chan struct{} // ends the checks of the deaf
}

func newServers() *servers {
	return &servers{begun: time.Now(), is: map[netip.AddrPort]behaviour{}, checks: map[netip.AddrPort][]time.Duration{}, freed: make(chan struct{})}
}

func (s *servers) set(t health.Target, b behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.is[t.Address] = b
}

func (s *servers) Probe(ctx context.Context, t health.Target) error {
	switch s.enter(t) {
	case listens:
		s.leave()
		return nil
	case slow:
		<-time.After(time.Second)
		s.leave()
		return nil
	case hangs:
		<-ctx.Done()
		s.leave()
		return fmt.Errorf("no answer within %v", t.Spec.Timeout)
	case unmade:
		s.leave()
		return fmt.Errorf("%w: the director is out of file descriptors", health.ErrInconclusive)
	case deaf:
		<-s.freed
		s.leave()
		return nil
	default:
		s.leave()
		return errRefused
	}
}

func (s *servers) enter(t health.Target) behaviour {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running++
	s.peak = max(s.peak, s.running)
	s.checks[t.Address] = append(s.checks[t.Address], time.Since(s.begun))
	return s.is[t.Address]
}

func (s *servers) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
}

// checksOf returns when the checks of t began, as "[0s 6s]", and forgets them.
func (s *servers) checksOf(t health.Target) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	times := s.checks[t.Address]
	delete(s.checks, t.Address)
	return fmt.Sprint(times)
}

// forget forgets all checks that have begun.
func (s *servers) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.checks)
}

// starts is how many checks began at each time, and how many in all.
func (s *servers) starts() (at map[time.Duration]int, all int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at = map[time.Duration]int{}
	for _, times := range s.checks {
		all += len(times)
		for _, began := range times {
			at[began]++
		}
	}
	return at, all
}

// mostAtOnce returns the greatest number of checks that ran at the same time.
func (s *servers) mostAtOnce() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peak
}
