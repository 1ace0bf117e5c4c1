// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"iter"
	"net/netip"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/monitor"
)

// openings are the health checks that wait for their path through IPVS.
type openings struct {
	waiting map[health.Target]monitor.Initial
	// at is how many wait, by the real server's address and port.
	at map[netip.AddrPort]int
	// earlier are checks that nobody uses any more: they go on until those that take their place begin, which go on from what they know.
	earlier map[netip.AddrPort]health.Target
}

func newOpenings() openings {
	return openings{waiting: map[health.Target]monitor.Initial{}, at: map[netip.AddrPort]int{}, earlier: map[netip.AddrPort]health.Target{}}
}

// wait has a check wait.
func (o *openings) wait(t health.Target, initial monitor.Initial) {
	if _, waits := o.waiting[t]; !waits {
		o.at[t.Address]++
	}
	o.waiting[t] = initial
}

// leave has a check wait no more; it may not have waited.
func (o *openings) leave(t health.Target) {
	if _, waits := o.waiting[t]; !waits {
		return
	}
	delete(o.waiting, t)
	if o.at[t.Address]--; o.at[t.Address] == 0 {
		delete(o.at, t.Address)
	}
}

// retain keeps a check that nobody uses any more, if another one of its real server waits; false: it can end.
func (o *openings) retain(t health.Target) bool {
	if o.at[t.Address] == 0 || !t.Spec.Via.IsZero() {
		return false
	}
	if _, kept := o.earlier[t.Address]; kept {
		return false
	}
	o.earlier[t.Address] = t
	return true
}

// after are the checks that wait to take the place of an earlier one.
func (o *openings) after(earlier health.Target) iter.Seq[health.Target] {
	return func(yield func(health.Target) bool) {
		if kept, is := o.earlier[earlier.Address]; !is || kept != earlier {
			return
		}
		for t := range o.waiting {
			if t.Address == earlier.Address && !yield(t) {
				return
			}
		}
	}
}

// over are the earlier checks, by now, for which nobody waits any more; they are forgotten.
func (o *openings) over() []health.Target {
	var over []health.Target
	for address, t := range o.earlier {
		if o.at[address] == 0 {
			over = append(over, t)
			delete(o.earlier, address)
		}
	}
	return over
}
