// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// resign answers Runner.Stop. An Active sends priority 0 and listens for its successor; others have nothing to hand
// over.
func (l *loop) resign(now time.Time) {
	if l.resigning || l.halted {
		return
	}
	if l.instance.State() != vrrp.Active {
		l.succeeded = true
		l.halt()
		return
	}
	l.resigning = true
	l.resignAt = now.Add(l.config.Interval)
	l.act(now, l.instance.Shutdown(now))
}

// repeatResignation makes up for a lost packet. An interval is longer than any skew, so the repetition cannot postpone
// a Backup that heard the first one.
func (l *loop) repeatResignation(now time.Time) {
	l.resignAt = now.Add(l.config.Interval)
	l.send(l.instance.Resignation())
}

// halt ends the loop after this turn.
func (l *loop) halt() { l.halted = true }
