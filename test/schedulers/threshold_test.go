// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package schedulers

import (
	"context"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

func TestUpperThresholdStopsNewConnectionsAndLowerBringsThemBack(t *testing.T) {
	// UDP, since its connections end by time alone: a second after the last packet here, 300 s as the kernel starts.
	t.Cleanup(func() { apply(t, &plan.SetTimeouts{Timeouts: ipvs.Timeouts{UDP: 300}}) })
	apply(t, &plan.SetTimeouts{Timeouts: ipvs.Timeouts{UDP: 1}})
	limited := to(1, 2)
	limited.UpperThreshold, limited.LowerThreshold = 4, 2
	s := add(t, udp(t, "fo"), limited, to(2, 1))
	serveUDP(t, s.target(), 1, 2)
	connections := func() uint32 {
		c := s.connections(limited.Address)
		return c.Active + c.Inactive
	}

	var busy []socket
	for range 4 {
		busy = append(busy, open(t, s.target()))
	}
	stop := keepBusy(t, busy[:2], "rs1")
	for _, idle := range busy[2:] {
		if got := idle.ask(); got != "rs1" {
			t.Fatalf("one of the first four went to %s, want rs1", got)
		}
	}
	if got := open(t, s.target()).ask(); got != "rs2" {
		t.Errorf("with rs1 at its upper threshold of 4, the fifth went to %s", got)
	}
	eventually(t, "two of rs1's four connections ended", func() bool { return connections() == 2 })
	if got := open(t, s.target()).ask(); got != "rs2" {
		t.Errorf("with rs1 not below its lower threshold of 2, the next went to %s", got)
	}
	stop()
	eventually(t, "rs1 has fewer than 2 connections", func() bool { return connections() < 2 })
	if got := open(t, s.target()).ask(); got != "rs1" {
		t.Errorf("with rs1 below its lower threshold, the next went to %s", got)
	}
}

// keepBusy asks on every socket each 200 ms until stop, and has each answered by one real server.
func keepBusy(t *testing.T, sockets []socket, want string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	started, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for round := 0; ctx.Err() == nil; round++ {
			for _, s := range sockets {
				if got, err := s.exchange(); err != nil || got != want {
					t.Errorf("a socket that is kept busy went to %q, want %s; %v", got, want, err)
				}
			}
			if round == 0 {
				close(started)
			}
			select {
			case <-ctx.Done():
			case <-time.After(200 * time.Millisecond):
			}
		}
	}()
	<-started
	return func() {
		cancel()
		<-done
	}
}
