// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/lvs-operator/lvs-operator/test/network/traffic"
)

// Hold is a client that keeps one connection and speaks on it all the time.
type Hold struct {
	// Connected gets the server's name, once.
	Connected chan string

	stop context.CancelFunc
	done chan struct{}
	held traffic.Held
	err  error
}

// StartHold starts one.
func StartHold(ctx context.Context, dial traffic.Dial) *Hold {
	return StartHoldEvery(ctx, dial, 100*time.Millisecond, 5*time.Second)
}

// StartHoldEvery starts one with a time between two lines, and one that each answer gets.
func StartHoldEvery(ctx context.Context, dial traffic.Dial, every, timeout time.Duration) *Hold {
	ctx, cancel := context.WithCancel(ctx)
	h := &Hold{stop: cancel, Connected: make(chan string, 1), done: make(chan struct{})}
	go func() {
		defer close(h.done)
		h.held, h.err = traffic.Hold{Dial: dial, Every: every, Timeout: timeout}.Run(ctx, func(name string) { h.Connected <- name })
	}()
	return h
}

// Broken says why the connection has ended, if it has.
func (h *Hold) Broken() error {
	select {
	case <-h.done:
		return fmt.Errorf("ended after %d echoes: %s", h.held.Echoes, cmp.Or(h.held.Error, fmt.Sprint(h.err)))
	default:
		return nil
	}
}

// End ends the connection, unless it has broken already, and returns what it saw.
func (h *Hold) End() (traffic.Held, error) {
	h.stop()
	<-h.done
	return h.held, h.err
}
