// SPDX-License-Identifier: Apache-2.0

package monitor

import (
	"cmp"
	"iter"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvs-operator/lvs-operator/agent/health"
)

// stretch is how many addresses All looks at before it lets others have the lock: for some 100 microseconds.
const stretch = 512

// known is a target and what is known of it.
type known struct {
	target health.Target
	status health.Status
}

// All goes through the targets with what is known of them: sorted by address, those of one address by the name of their check, and then by
// the time since when they are as they are. What it shows is not of one moment, for the checks go on meanwhile: it copies the addresses, sorts
// them, and copies what is known of them, both a stretch at a time, and lets the lock go after each one, as it does while the caller looks.
// Of targets that come and go meanwhile it shows some. It costs 32 bytes a target.
func (m *Monitor) All() iter.Seq2[health.Target, health.Status] {
	return func(yield func(health.Target, health.Status) bool) {
		addresses := m.addresses()
		slices.SortFunc(addresses, netip.AddrPort.Compare)
		var some []known
		for part := range slices.Chunk(addresses, stretch) {
			some = m.look(some[:0], part)
			for _, k := range some {
				if !yield(k.target, k.status) {
					return
				}
			}
		}
	}
}

// addresses are those under check. A map may change while it is gone through, so long as nobody else does anything with it at the same time.
func (m *Monitor) addresses() []netip.AddrPort {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]netip.AddrPort, 0, len(m.watched.first))
	for address := range m.watched.first {
		all = append(all, address)
		if len(all)%stretch == 0 {
			m.mu.Unlock()
			m.mu.Lock()
		}
	}
	return all
}

// look appends what is known of the targets of some addresses.
func (m *Monitor) look(to []known, addresses []netip.AddrPort) []known {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, address := range addresses {
		from := len(to)
		for w := m.watched.of(address); w != nil; w = w.next {
			to = append(to, known{w.target(), w.status()})
		}
		if len(to)-from > 1 {
			slices.SortFunc(to[from:], func(a, b known) int {
				return cmp.Or(strings.Compare(a.target.Spec.What(), b.target.Spec.What()), a.status.Since.Compare(b.status.Since))
			})
		}
	}
	return to
}
