// SPDX-License-Identifier: Apache-2.0

package exchange

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/connections"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// fakeKernel has a table, which the test changes between readings.
type fakeKernel struct {
	mu    sync.Mutex
	table []connections.Connection
	// bad is the error at the end of each reading.
	bad error
}

func (k *fakeKernel) Connections(ctx context.Context, with func(connections.Connection) bool) error {
	k.mu.Lock()
	table := slices.Clone(k.table)
	k.mu.Unlock()
	for _, c := range table {
		if !with(c) {
			return nil
		}
	}
	return errors.Join(ctx.Err(), k.bad)
}

func (k *fakeKernel) Services(context.Context) (connections.Services, error) {
	return connections.NewServices([]ipvs.Reading{{Entry: ipvs.Entry{
		Service:      ipvs.Service{Key: ipvs.ServiceKey{Address: netip.MustParseAddr("192.0.2.200"), Port: 80, Protocol: ipvs.TCP}},
		Destinations: []ipvs.Destination{{Address: netip.MustParseAddr("198.51.100.1"), Port: 80, Method: ipvs.DirectRoute}},
	}}}), nil
}

// fakeSender remembers what was flushed.
type fakeSender struct {
	mu           sync.Mutex
	filled, sent []string
	refuse       error
	closed       bool
}

func (s *fakeSender) Send(c connections.Connection, d connections.Details) error {
	s.filled = append(s.filled, fmt.Sprintf("%s in %d by method %d", c.Client, c.State, d.Method))
	return s.refuse
}

func (s *fakeSender) Flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent, s.filled = append(s.sent, s.filled...), nil
	return nil
}

// take returns what was flushed, and forgets it.
func (s *fakeSender) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := s.sent
	s.sent = nil
	return sent
}

func (s *fakeSender) Close() { s.closed = true }

func connection(client string, state uint16) connections.Connection {
	return connections.Connection{Protocol: ipvs.TCP, Client: netip.MustParseAddrPort(client), Virtual: netip.MustParseAddrPort("192.0.2.200:80"),
		RealServer: netip.MustParseAddrPort("198.51.100.1:80"), State: state}
}

func tellerOf(k *fakeKernel, s *fakeSender) *Teller {
	return &Teller{Kernel: k, Open: func() (Sender, error) { return s, nil }}
}

func TestWhileARoleChangesHandsOthersHearOfWhatIsNewAndOfWhatIsOtherwiseNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, s := &fakeKernel{table: []connections.Connection{connection("203.0.113.5:1", 1), connection("203.0.113.5:2", 3)}}, &fakeSender{}
		foreign := connection("203.0.113.5:9", 1)
		foreign.Virtual = netip.MustParseAddrPort("192.0.2.99:80")
		k.table = append(k.table, foreign)
		ended := make(chan error, 1)
		go func() { ended <- tellerOf(k, s).For(t.Context(), time.Second, everything) }()
		expect := func(want ...string) {
			t.Helper()
			synctest.Wait()
			if sent := s.take(); !slices.Equal(sent, want) {
				t.Fatalf("told of:\n%s\nwant:\n%s", strings.Join(sent, "\n"), strings.Join(want, "\n"))
			}
		}
		expect("203.0.113.5:1 in 1 by method 3", "203.0.113.5:2 in 3 by method 3")
		time.Sleep(shortestPause)
		expect()
		k.mu.Lock()
		k.table[1].State = 1
		k.table = append(k.table, connection("203.0.113.5:3", 3))
		k.mu.Unlock()
		time.Sleep(shortestPause)
		expect("203.0.113.5:2 in 1 by method 3", "203.0.113.5:3 in 3 by method 3")
		if err := <-ended; err != nil || !s.closed {
			t.Errorf("ended with %v, socket closed: %t", err, s.closed)
		}
	})
}

func everything(connections.Connection, connections.Details) bool { return true }

func TestOnlyWhatIsChosenIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		others := connection("203.0.113.5:1", 1)
		others.Synced = true
		k, s := &fakeKernel{table: []connections.Connection{others, connection("203.0.113.5:2", 3)}}, &fakeSender{}
		if err := tellerOf(k, s).For(t.Context(), time.Second, func(c connections.Connection, _ connections.Details) bool { return !c.Synced }); err != nil || !slices.Equal(s.sent, []string{"203.0.113.5:2 in 3 by method 3"}) {
			t.Errorf("told of %v, %v", s.sent, err)
		}
	})
}

func TestEverythingIsToldOnceAndCounted(t *testing.T) {
	k, s := &fakeKernel{}, &fakeSender{}
	for i := range 200 {
		k.table = append(k.table, connection(fmt.Sprintf("203.0.113.5:%d", 1+i), 1))
	}
	if n, err := tellerOf(k, s).All(t.Context(), everything); n != 200 || err != nil || len(s.sent) != 200 || !s.closed {
		t.Errorf("told of %d, %v; %d flushed, closed: %t", n, err, len(s.sent), s.closed)
	}
}

func TestWhatWasReadBeforeAnErrorIsTold(t *testing.T) {
	k, s := &fakeKernel{table: []connections.Connection{connection("203.0.113.5:1", 1)}, bad: errors.New("1 line was not understood")}, &fakeSender{}
	if n, err := tellerOf(k, s).All(t.Context(), everything); n != 1 || !errors.Is(err, k.bad) || len(s.sent) != 1 {
		t.Errorf("told of %d, %v; %d flushed", n, err, len(s.sent))
	}
	k.bad, s.refuse = nil, errors.New("network is unreachable")
	if _, err := tellerOf(k, s).All(t.Context(), everything); !errors.Is(err, s.refuse) {
		t.Errorf("error %v, want the sender's", err)
	}
}
