// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"sync"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
)

// Calls are checks that are calls of functions, each in a goroutine of its own: the way of those that a library makes. Its methods are safe
// for concurrent use.
type Calls struct {
	// ended is called when a call has ended, with mu locked; nil: nobody wants to know any more.
	ended func()

	mu      sync.Mutex
	cancels map[int]context.CancelFunc
	results []monitor.Result
}

// NewCalls returns Calls of which none runs. ended is called, from any goroutine, when Take has something to give, until Close. It must
// neither block nor use the Calls.
func NewCalls(ended func()) *Calls {
	return &Calls{ended: ended, cancels: map[int]context.CancelFunc{}}
}

// Start begins a call in a place where none runs. Its context ends with End.
func (c *Calls) Start(place int, t health.Target, call Call) {
	ctx, cancel := context.WithCancel(context.Background())
	c.mu.Lock()
	c.cancels[place] = cancel
	c.mu.Unlock()
	go func() {
		weight, err := call(ctx, t)
		cancel()
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.cancels, place)
		if c.ended != nil {
			c.results = append(c.results, monitor.Result{Place: place, Err: err, Weight: weight})
			c.ended()
		}
	}()
}

// Close throws away the results of calls that still run: ended is not called any more once it returns. It does not wait for them, for they may
// never end.
func (c *Calls) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = nil
}

// End ends the context of the call in a place, if one runs there.
func (c *Calls) End(place int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cancel, runs := c.cancels[place]; runs {
		cancel()
	}
}

// Take appends what has ended since the last call.
func (c *Calls) Take(to []monitor.Result) []monitor.Result {
	c.mu.Lock()
	defer c.mu.Unlock()
	to = append(to, c.results...)
	c.results = c.results[:0]
	return to
}
