// SPDX-License-Identifier: Apache-2.0

//go:build bench

package failover

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/lvs-operator/lvs-operator/test/network/traffic"
)

const (
	// every is the time between two connections of the client, and the resolution of what it measures.
	every = 10 * time.Millisecond
	// timeout is what a connection gets. It is less than TCP's first repetition of a lost SYN, 1 s, so that one packet decides.
	timeout = 500 * time.Millisecond
)

// client connects all the time.
type client struct {
	stop context.CancelFunc
	done chan struct{}
	mu   sync.Mutex
	all  []traffic.Try
}

func (w *world) connect() *client {
	ctx, stop := context.WithCancel(w.t.Context())
	c := &client{stop: stop, done: make(chan struct{})}
	dial := func(ctx context.Context) (conn net.Conn, err error) {
		err = w.client.Do(func() error {
			conn, err = traffic.DialTCP(target.String())(ctx)
			return err
		})
		return conn, err
	}
	go func() {
		defer close(c.done)
		_ = traffic.Poll{Dial: dial, Every: every, Timeout: timeout}.Run(ctx, func(try traffic.Try) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.all = append(c.all, try)
		})
	}()
	return c
}

// answeredSince says whether a connection that began after a moment was answered.
func (c *client) answeredSince(moment time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.all, func(try traffic.Try) bool { return try.Failure == "" && try.Start.After(moment) })
}

// end is what the client saw in all.
func (c *client) end() outcome {
	c.stop()
	<-c.done
	var o outcome
	var answered []time.Time
	for _, try := range c.all {
		if try.Failure != "" {
			o.failed++
			continue
		}
		answered = append(answered, try.Start.Add(time.Duration(try.Milliseconds*float64(time.Millisecond))))
	}
	slices.SortFunc(answered, time.Time.Compare)
	for i := 1; i < len(answered); i++ {
		o.gap = max(o.gap, answered[i].Sub(answered[i-1]))
	}
	return o
}

// outcome is what a failover cost the client: the longest time between two answers, and how many connections failed.
type outcome struct {
	gap    time.Duration
	failed int
}
