// SPDX-License-Identifier: Apache-2.0

package connections

import "time"

const (
	// burst is how many bytes of a receiver's memory may be filled before it is given time: half of what a socket buffer has
	// unless net.core.rmem_default says otherwise (212992).
	burst = 104 << 10
	// page and overhead are about what a datagram takes of that: whole pages, whose first holds the packet's headers, and the
	// kernel's own record of it.
	page     = 4096
	overhead = 512
	// rest is the time that a receiver is given to enter a burst into its table, some 900 connections.
	rest = 5 * time.Millisecond
)

// Pace says when a sender of connections has to pause so that the other directors' socket buffers do not run over: nobody tells it
// what was lost. The zero Pace is at the start of a burst.
type Pace struct {
	filled int
}

// Sent tells of a datagram of so many bytes, and returns for how long to pause before the next; mostly 0.
func (p *Pace) Sent(length int) time.Duration {
	p.filled += (length+page-1)/page*page + overhead
	if p.filled < burst {
		return 0
	}
	p.filled = 0
	return rest
}
