// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
)

// batch is how many events one call takes from the kernel.
const batch = 256

// Prober is a monitor.Prober with the kernel's sockets. One goroutine calls its methods, apart from Wake.
type Prober struct {
	poll *poll
	// at are the conversations by place.
	at []conversation
	// fresh are those that began since the last Wait.
	fresh fresh
	// ended are the results that Wait returns next.
	ended   []monitor.Result
	results []monitor.Result
	calls   *Calls
	sockets sockets
	// echoes4 and echoes6 are for pings.
	echoes4, echoes6 echoes
	// dialogues, exchanges and called are checks made ready.
	dialogues kept[check.Dialogue]
	exchanges kept[check.Exchange]
	called    kept[Call]
	// heard is what the last read brought, and say what is said next.
	heard [check.MostHeard]byte
	say   []byte
}

// New opens a Prober. Close releases it.
func New() (*Prober, error) {
	poll, err := openPoll()
	if err != nil {
		return nil, fmt.Errorf("open what health checks wait with: %w", err)
	}
	p := &Prober{
		poll: poll, dialogues: kept[check.Dialogue]{}, exchanges: kept[check.Exchange]{}, called: kept[Call]{},
		echoes4: newEchoes(unix.AF_INET, echoes4Come), echoes6: newEchoes(unix.AF_INET6, echoes6Come),
	}
	p.calls = NewCalls(p.Wake)
	return p, nil
}

// Close releases what New opened. Nobody may use the Prober any more.
func (p *Prober) Close() {
	p.calls.Close()
	p.echoes4.close()
	p.echoes6.close()
	p.poll.close()
}

// Start implements monitor.Prober.
func (p *Prober) Start(place int, t health.Target) {
	for len(p.at) <= place {
		p.at = append(p.at, conversation{fd: closed})
	}
	switch c := t.Spec.Check.(type) {
	case check.TCP:
		p.begin(place, t, nil)
	case check.Spoken:
		p.begin(place, t, p.dialogues.of(c, c.Dialogue))
	case check.Posted:
		p.post(place, t, p.exchanges.of(c, c.Exchange))
	case check.DNS:
		p.ask(place, t, c)
	case check.Ping:
		p.ping(place, t)
	default:
		p.calls.Start(place, t, p.called.of(c, func() Call { return callOf(c) }))
	}
}

// End implements monitor.Prober.
func (p *Prober) End(place int) {
	if c := &p.at[place]; c.runs() {
		answer := c.overdue()
		p.conclude(place, answer.Failure, answer.Weight)
		return
	}
	p.calls.End(place)
}

// Wait implements monitor.Prober.
func (p *Prober) Wait(until time.Time) []monitor.Result {
	p.settle()
	for _, event := range p.events(until) {
		switch event.Fd {
		case wakeUp:
			p.poll.drain()
		case timeUp:
			p.poll.rung()
		case echoes4Come:
			p.answers(&p.echoes4)
		case echoes6Come:
			p.answers(&p.echoes6)
		default:
			p.serve(int(event.Fd), event.Events)
		}
	}
	p.results, p.ended = p.calls.Take(p.ended), p.results[:0]
	return p.results
}

// events waits for some, unless there are results.
func (p *Prober) events(until time.Time) []unix.EpollEvent {
	if len(p.ended) > 0 {
		return p.poll.take()
	}
	return p.poll.wait(until)
}

// Wake implements monitor.Prober.
func (p *Prober) Wake() { p.poll.wake() }
