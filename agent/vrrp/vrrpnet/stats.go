// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"encoding/binary"
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
	// Announced counts gratuitous ARP packets given to the kernel.
	Announced uint64
	// SendErrors counts packets of both kinds that the kernel refused; LastSendError is the last refusal, or 0.
	SendErrors    uint64
	LastSendError syscall.Errno
	// Received counts advertisements that passed every check.
	Received uint64
	// Discarded counts the others by reason. Other virtual routers' are not seen at all: the kernel filters them.
	Discarded [vrrp.DiscardLimit]uint64
	// Rivals counts received advertisements of another Active while this one was Active: two had the addresses.
	Rivals uint64
	// Transitions counts changes of state.
	Transitions uint64
	// Lateness is how long after its deadline the last timer was served; MaxLateness is the worst so far. Beyond
	// the skew, about an interval, Backups begin to take over.
	Lateness, MaxLateness time.Duration
	// ActiveSource is the address of the Active that this Backup follows, if it heard one; else the zero value.
	ActiveSource netip.Addr
}

// counters are written by the runner's thread only and read by anybody.
type counters struct {
	state                                 atomic.Uint32
	sent, announced, sendErrors, received atomic.Uint64
	rivals, transitions                   atomic.Uint64
	lastSendError                         atomic.Uint64
	discarded                             [vrrp.DiscardLimit]atomic.Uint64
	lateness, maxLateness                 atomic.Int64
	activeSource                          atomic.Uint32 // IPv4, 0 for none
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
		Lateness:      time.Duration(c.lateness.Load()),
		MaxLateness:   time.Duration(c.maxLateness.Load()),
	}
	for i := range c.discarded {
		s.Discarded[i] = c.discarded[i].Load()
	}
	if four := c.activeSource.Load(); four != 0 {
		s.ActiveSource = netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, four)))
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
	if !source.Is4() {
		c.activeSource.Store(0)
		return
	}
	four := source.As4()
	c.activeSource.Store(binary.BigEndian.Uint32(four[:]))
}

// sendFailed records the kernel's refusal of a packet.
func (c *counters) sendFailed(err error) {
	c.sendErrors.Add(1)
	if errno, ok := err.(syscall.Errno); ok { //nolint:errorlint // straight from the system call, and allocation-free
		c.lastSendError.Store(uint64(errno))
	}
}
