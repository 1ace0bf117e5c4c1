// SPDX-License-Identifier: Apache-2.0

//go:build bench

package failover

import (
	"context"
	"net"
	"slices"
	"time"

	"github.com/lvs-operator/lvs-operator/test/network/traffic"
	"github.com/lvs-operator/lvs-operator/test/stage"
)

const (
	// every is the time between two connections of the client, and the resolution of what it measures.
	every = 10 * time.Millisecond
	// timeout is what a connection gets. It is less than TCP's first repetition of a lost SYN, 1 s, so that one packet decides.
	timeout = 500 * time.Millisecond
)

// connect starts a client that connects all the time.
func (w *world) connect() *stage.Poll {
	dial := func(ctx context.Context) (conn net.Conn, err error) {
		err = w.client.Do(func() error {
			conn, err = traffic.DialTCP(target.String())(ctx)
			return err
		})
		return conn, err
	}
	return stage.StartPollEvery(w.t.Context(), dial, every, timeout)
}

// outcomeOf ends a client, and is what it saw in all.
func outcomeOf(client *stage.Poll) outcome {
	var o outcome
	var answered []time.Time
	for _, try := range client.End() {
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
