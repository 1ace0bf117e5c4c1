// SPDX-License-Identifier: Apache-2.0

package tutorial

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lvs-operator/lvs-operator/test/network/traffic"
)

const (
	pollEvery   = 50 * time.Millisecond
	pollTimeout = time.Second
)

// dial connects from the client to the virtual IP.
func (s *scene) dial(ctx context.Context) (conn net.Conn, err error) {
	err = s.hosts[client].Do(func() error {
		conn, err = traffic.DialTCP(target)(ctx)
		return err
	})
	return conn, err
}

// firstFreshPort begins the client ports of connections that must be new to IPVS: below the ephemeral ports
// (net.ipv4.ip_local_port_range), which polls use over and over.
const firstFreshPort = 10000

// dialFresh connects from a client port that was never used before. IPVS knows a connection by its ports, for up to 15
// minutes after the last packet, and schedules only what it does not know.
func (s *scene) dialFresh(ctx context.Context) (conn net.Conn, err error) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{Port: firstFreshPort + int(s.fresh.Add(1))}}
	err = s.hosts[client].Do(func() error {
		conn, err = dialer.DialContext(ctx, "tcp", target)
		return err
	})
	return conn, err
}

// spread makes fresh connections and counts who answered.
func (s *scene) spread(ctx context.Context, connections int) (map[string]int, error) {
	answers := map[string]int{}
	poll := traffic.Poll{Dial: s.dialFresh, Every: 10 * time.Millisecond, Timeout: 5 * time.Second, Count: connections}
	var failed error
	err := poll.Run(ctx, func(try traffic.Try) {
		if try.Failure != "" {
			failed = fmt.Errorf("connection %d to %s: %s", try.Number, target, try.Error)
			return
		}
		answers[try.Answer]++
	})
	if err == nil {
		err = failed
	}
	return answers, err
}

func counts(answers map[string]int) string {
	parts := make([]string, 0, len(answers))
	for _, name := range slices.Sorted(maps.Keys(answers)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, answers[name]))
	}
	return strings.Join(parts, ", ")
}

// poll is a client that connects to the virtual IP all the time.
type poll struct {
	stop context.CancelFunc
	done chan struct{}
	mu   sync.Mutex
	all  []traffic.Try
}

func (s *scene) startPoll(ctx context.Context) *poll {
	ctx, cancel := context.WithCancel(ctx)
	p := &poll{stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = traffic.Poll{Dial: s.dial, Every: pollEvery, Timeout: pollTimeout}.Run(ctx, func(try traffic.Try) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.all = append(p.all, try)
		})
	}()
	return p
}

// end stops the poll and returns its tries in the order of their start.
func (p *poll) end() []traffic.Try {
	p.stop()
	<-p.done
	slices.SortFunc(p.all, func(a, b traffic.Try) int { return a.Start.Compare(b.Start) })
	return p.all
}

// soFar returns the tries that have ended.
func (p *poll) soFar() []traffic.Try {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.all)
}

// failures counts the tries that started in [from, to) and failed.
func failures(tries []traffic.Try, from, to time.Time) (failed, all int) {
	for _, try := range tries {
		if try.Start.Before(from) || !try.Start.Before(to) {
			continue
		}
		all++
		if try.Failure != "" {
			failed++
		}
	}
	return failed, all
}

// silence is the time from a moment to the first answer to a try that started after it; false: there was none.
func silence(tries []traffic.Try, from time.Time) (time.Duration, bool) {
	var first time.Duration
	found := false
	for _, try := range tries {
		if try.Failure != "" || try.Start.Before(from) {
			continue
		}
		end := try.Start.Add(time.Duration(try.Milliseconds * float64(time.Millisecond))).Sub(from)
		if !found || end < first {
			first, found = end, true
		}
	}
	return first, found
}

// hold is a client that keeps one connection through the virtual IP.
type hold struct {
	stop      context.CancelFunc
	connected chan string
	done      chan struct{}
	held      traffic.Held
	err       error
}

func (s *scene) startHold(ctx context.Context) *hold {
	ctx, cancel := context.WithCancel(ctx)
	h := &hold{stop: cancel, connected: make(chan string, 1), done: make(chan struct{})}
	go func() {
		defer close(h.done)
		h.held, h.err = traffic.Hold{Dial: s.dial, Every: 100 * time.Millisecond, Timeout: 5 * time.Second}.Run(ctx, func(name string) { h.connected <- name })
	}()
	return h
}

func (h *hold) end() (traffic.Held, error) {
	h.stop()
	<-h.done
	return h.held, h.err
}

// until asks every 50 ms whether something holds, for at most a bound, and returns when it did.
func until(ctx context.Context, bound time.Duration, holds func() (bool, error)) (time.Duration, error) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	every := time.NewTicker(50 * time.Millisecond)
	defer every.Stop()
	for {
		ok, err := holds()
		if ok {
			return time.Since(began), nil
		}
		select {
		case <-ctx.Done():
			return time.Since(began), errors.Join(fmt.Errorf("not within %s: %w", bound, ctx.Err()), err)
		case <-every.C:
		}
	}
}
