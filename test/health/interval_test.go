// SPDX-License-Identifier: Apache-2.0

//go:build bench

package health

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	agenthealth "github.com/lvs-operator/lvs-operator/agent/health"
	healthcheck "github.com/lvs-operator/lvs-operator/agent/health/check"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
	"github.com/lvs-operator/lvs-operator/agent/health/probe"
)

// TestBenchInterval prints how well short intervals are kept, on this host's own processors and loopback: it needs no IPVS.
func TestBenchInterval(t *testing.T) {
	for _, tc := range []struct {
		targets  int
		interval time.Duration
	}{{1000, 100 * time.Millisecond}, {10000, 10 * time.Second}} {
		keepInterval(t, tc.targets, tc.interval)
	}
}

func keepInterval(t *testing.T, targets int, interval time.Duration) {
	t.Helper()
	listener, err := net.Listen("tcp4", "0.0.0.0:0")
	check(t, err)
	defer func() { _ = listener.Close() }()
	seen := &arrivals{at: map[netip.Addr][]time.Time{}}
	go seen.accept(listener)

	prober, err := probe.New()
	check(t, err)
	defer prober.Close()
	m := monitor.New(monitor.Options{Prober: prober})
	defer m.Close()
	add := map[agenthealth.Target]monitor.Initial{}
	at := uint16(listener.Addr().(*net.TCPAddr).Port)
	spec := agenthealth.Spec{Check: healthcheck.TCP{}, Interval: interval, Timeout: time.Second}
	for i := range targets {
		address := netip.AddrFrom4([4]byte{127, 8, byte(i >> 8), byte(i)})
		add[agenthealth.Target{Address: netip.AddrPortFrom(address, at), Spec: spec}] = monitor.StartDown
	}
	m.Update(add, nil)
	time.Sleep(2*interval + time.Second)
	seen.forget()
	before, began := processorTime(t), time.Now()
	time.Sleep(max(5*time.Second, 3*interval))
	took, used := time.Since(began), processorTime(t)-before
	gaps := seen.gaps()
	down := 0
	for target := range add {
		if status, _ := m.State(target); status.State != agenthealth.Up || status.Reason != "" {
			down++
		}
	}
	fmt.Printf("%d real servers every %s: from check to check median %s, 99 %% within %s, at worst %s; %d late, %d not up; %.0f %% of a processor, the servers' part included\n",
		targets, interval, gaps[len(gaps)/2].Round(time.Microsecond), gaps[len(gaps)*99/100].Round(time.Microsecond), gaps[len(gaps)-1].Round(time.Microsecond),
		m.Stats().Late, down, 100*used.Seconds()/took.Seconds())
}

// arrivals are when connections to each address were accepted.
type arrivals struct {
	mu sync.Mutex
	at map[netip.Addr][]time.Time
}

func (a *arrivals) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		address := conn.LocalAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
		_ = conn.Close()
		a.mu.Lock()
		a.at[address] = append(a.at[address], time.Now())
		a.mu.Unlock()
	}
}

func (a *arrivals) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at = map[netip.Addr][]time.Time{}
}

// gaps are the times between two connections to one address, sorted.
func (a *arrivals) gaps() []time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	var gaps []time.Duration
	for _, times := range a.at {
		for i := 1; i < len(times); i++ {
			gaps = append(gaps, times[i].Sub(times[i-1]))
		}
	}
	slices.Sort(gaps)
	return gaps
}

func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	check(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
