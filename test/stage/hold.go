// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"context"
	"time"

	"github.com/lvs-operator/lvs-operator/test/network/traffic"
)

// Hold is a client that keeps one connection and speaks on it every 100 ms.
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
	ctx, cancel := context.WithCancel(ctx)
	h := &Hold{stop: cancel, Connected: make(chan string, 1), done: make(chan struct{})}
	go func() {
		defer close(h.done)
		h.held, h.err = traffic.Hold{Dial: dial, Every: 100 * time.Millisecond, Timeout: 5 * time.Second}.Run(ctx, func(name string) { h.Connected <- name })
	}()
	return h
}

// End ends the connection, unless it has broken already, and returns what it saw.
func (h *Hold) End() (traffic.Held, error) {
	h.stop()
	<-h.done
	return h.held, h.err
}
