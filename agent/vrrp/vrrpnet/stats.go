// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// Stats are counts since Start and present facts. Each is exact; together they are not one instant's.
type Stats struct {
	// Sent counts advertisements given to the kernel, resignations included.
	Sent uint64
	// Announced counts gratuitous ARP packets and neighbour advertisements given to the kernel.
	Announced uint64
	// SendErrors counts packets of both kinds that the kernel refused; LastSendError is the last refusal, or 0.
	SendErrors    uint64
	LastSendError syscall.Errno
	// Received counts advertisements that passed every check.
	Received uint64
	// Discarded counts the others by reason. Those of other virtual routers are not among them: see Threads.Strangers.
	Discarded [vrrp.DiscardLimit]uint64
	// Rivals counts received advertisements of another Active while this one was Active: two had the addresses.
	Rivals uint64
	// Transitions counts changes of state, and Activations those to Active.
	Transitions, Activations uint64
	// Lateness is how long after its deadline the last timer was served; MaxLateness is the worst so far. Beyond
	// the skew, about an interval, Backups begin to take over.
	Lateness, MaxLateness time.Duration
	// Yields counts how often the priority was lowered because timers were served too late.
	Yields uint64
	// ActiveSource is the address of the Active that this Backup follows, if it heard one; else the zero value.
	ActiveSource netip.Addr
}

// counters are written by the runner's thread only and read by anybody.
type counters struct {
	state, standing                       atomic.Uint32 // a vrrp.State, a vrrp.Standing
	sent, announced, sendErrors, received atomic.Uint64
	rivals, transitions, activations      atomic.Uint64
	lastSendError                         atomic.Uint64
	discarded                             [vrrp.DiscardLimit]atomic.Uint64
	lateness, maxLateness                 atomic.Int64
	yields                                atomic.Uint64
	activeSource                          atomic.Pointer[netip.Addr] // nil for none
	source                                atomic.Pointer[netip.Addr] // nil while there was none
	successor                             atomic.Pointer[netip.Addr] // nil for none
	predecessor                           atomic.Pointer[predecessor]
	fault                                 atomic.Pointer[error]
}

func (c *counters) snapshot() Stats {
	s := Stats{
		Sent:          c.sent.Load(),
		Announced:     c.announced.Load(),
		SendErrors:    c.sendErrors.Load(),
		LastSendError: syscall.Errno(c.lastSendError.Load()),
		Received:      c.received.Load(),
		Rivals:        c.rivals.Load(),
		Transitions:   c.transitions.Load(),
		Activations:   c.activations.Load(),
		Yields:        c.yields.Load(),
		Lateness:      time.Duration(c.lateness.Load()),
		MaxLateness:   time.Duration(c.maxLateness.Load()),
	}
	for i := range c.discarded {
		s.Discarded[i] = c.discarded[i].Load()
	}
	if source := c.activeSource.Load(); source != nil {
		s.ActiveSource = *source
	}
	return s
}

// late records how long after its deadline a timer is served.
func (c *counters) late(by time.Duration) {
	c.lateness.Store(int64(by))
	if int64(by) > c.maxLateness.Load() {
		c.maxLateness.Store(int64(by))
	}
}

// follow records the Active that is followed.
func (c *counters) follow(source netip.Addr) {
	known := c.activeSource.Load()
	switch {
	case !source.IsValid():
		c.activeSource.Store(nil)
	case known == nil || *known != source:
		changed := source // only here is memory needed
		c.activeSource.Store(&changed)
	}
}

// predecessor is who was Active before; the zero value: nobody was heard.
type predecessor struct {
	source netip.Addr
	alive  bool
}

// sendFailed records the kernel's refusal of a packet.
func (c *counters) sendFailed(err error) {
	c.sendErrors.Add(1)
	if errno, ok := err.(syscall.Errno); ok { //nolint:errorlint // straight from the system call, and allocation-free
		c.lastSendError.Store(uint64(errno))
	}
}
