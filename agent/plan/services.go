// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"time"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// script is operations in the making: first what is added or changed, then what is deleted.
type script struct {
	additions, deletions []Operation
	// room holds operations of additions, of which a long load has a hundred thousand. What was handed out stays where it is.
	room []AddDestination
}

// begin empties a script for about this many operations. Those that it held are overwritten.
func (s *script) begin(about int) {
	if cap(s.additions) < about {
		*s = script{additions: make([]Operation, 0, about)}
	}
	s.additions, s.deletions, s.room = s.additions[:0], s.deletions[:0], s.room[:0]
}

// add adds an addition of a destination.
func (s *script) add(key ipvs.ServiceKey, d ipvs.Destination) {
	if len(s.room) == cap(s.room) {
		s.room = make([]AddDestination, 0, max(1, cap(s.additions)-len(s.additions)))
	}
	s.room = append(s.room, AddDestination{key, d})
	s.additions = append(s.additions, &s.room[len(s.room)-1])
}

// len is the number of operations.
func (s *script) len() int { return len(s.additions) + len(s.deletions) }

// all are the operations in their order.
func (s *script) all() []Operation { return append(s.additions, s.deletions...) }

// operations adds to the script those that bring one service to what is wanted of it. Everything of a service and of a
// destination that is not its key is changed in place, so nothing is ever deleted in order to be added again.
func (a *account) operations(now time.Time, to *script) {
	switch {
	case a.wanted == nil && !a.exists:
		return
	case a.wanted == nil:
		to.deletions = append(to.deletions, &DeleteService{a.key})
		return
	case !a.exists:
		to.additions = append(to.additions, &AddService{a.wanted.Service})
	case a.wanted.Service != a.known.Service:
		to.additions = append(to.additions, &UpdateService{a.wanted.Service})
	}
	a.destinations(now, to)
}

// destinations compares the destinations by key, both sides sorted.
func (a *account) destinations(now time.Time, to *script) {
	desired, actual := a.wanted.Destinations, a.known.Destinations
	for len(desired) > 0 || len(actual) > 0 {
		switch order(desired, actual, ipvs.Destination.Compare) {
		case onlyDesired:
			to.add(a.key, desired[0])
			desired = desired[1:]
		case onlyActual:
			if quiet, draining := a.drained(actual[0], now); !draining {
				to.deletions = append(to.deletions, &DeleteDestination{a.key, actual[0].Key()})
			} else if quiet != actual[0] {
				to.additions = append(to.additions, &UpdateDestination{a.key, quiet})
			}
			actual = actual[1:]
		case both:
			if desired[0] != actual[0] {
				to.additions = append(to.additions, &UpdateDestination{a.key, desired[0]})
			}
			desired, actual = desired[1:], actual[1:]
		}
	}
}

// drained is how a destination that is not wanted has to be while it drains; false: it does not, and has to go.
func (a *account) drained(found ipvs.Destination, now time.Time) (ipvs.Destination, bool) {
	d, draining := a.drains[found.Key()]
	if !draining || d.over(now) {
		return found, false
	}
	found.Weight = 0
	return found, true
}

// side says in which of two sorted lists the smaller first element is.
type side int

const (
	onlyDesired side = -1
	both        side = 0
	onlyActual  side = 1
)

// order compares the first elements of two sorted lists of which at least one is not empty.
func order[T any](desired, actual []T, compare func(a, b T) int) side {
	switch {
	case len(actual) == 0:
		return onlyDesired
	case len(desired) == 0:
		return onlyActual
	default:
		return side(min(max(compare(desired[0], actual[0]), -1), 1))
	}
}
