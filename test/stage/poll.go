// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/lvs-operator/lvs-operator/test/network/traffic"
)

const (
	pollEvery   = 50 * time.Millisecond
	pollTimeout = time.Second
)

// Poll is a client that connects all the time.
type Poll struct {
	stop context.CancelFunc
	done chan struct{}
	mu   sync.Mutex
	all  []traffic.Try
}

// StartPoll starts one that connects every 50 ms, and gives each try a second.
func StartPoll(ctx context.Context, dial traffic.Dial) *Poll {
	return StartPollEvery(ctx, dial, pollEvery, pollTimeout)
}

// StartPollEvery starts one with a time between two tries, and one that each gets.
func StartPollEvery(ctx context.Context, dial traffic.Dial, every, timeout time.Duration) *Poll {
	ctx, cancel := context.WithCancel(ctx)
	p := &Poll{stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = traffic.Poll{Dial: dial, Every: every, Timeout: timeout}.Run(ctx, func(try traffic.Try) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.all = append(p.all, try)
		})
	}()
	return p
}

// End stops the poll and returns its tries in the order of their start.
func (p *Poll) End() []traffic.Try {
	p.stop()
	<-p.done
	slices.SortFunc(p.all, func(a, b traffic.Try) int { return a.Start.Compare(b.Start) })
	return p.all
}

// SoFar returns the tries that have ended.
func (p *Poll) SoFar() []traffic.Try {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.all)
}

// Silence is the time from a moment to the first answer to a try that started after it; false: there was none.
func Silence(tries []traffic.Try, from time.Time) (time.Duration, bool) {
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
