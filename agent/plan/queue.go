// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"slices"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// queue is the accounts that are due, which are taken in the order of their keys. A long queue is sorted once, not once for every
// part of it that is taken.
type queue struct {
	// waiting is how many are due.
	waiting int
	// order has those that are due, and perhaps some that are not any more.
	order  []*account
	sorted bool
}

func (q *queue) len() int { return q.waiting }

func (q *queue) add(a *account) {
	if a.due {
		return
	}
	a.due = true
	q.waiting++
	q.order, q.sorted = append(q.order, a), false
}

func (q *queue) remove(a *account) {
	if !a.due {
		return
	}
	a.due = false
	if q.waiting--; q.waiting == 0 {
		*q = queue{}
	}
}

// take takes the first one out; nil: none is due.
func (q *queue) take() *account {
	if !q.sorted {
		q.order = slices.DeleteFunc(q.order, func(a *account) bool { return !a.due })
		slices.SortFunc(q.order, func(a, b *account) int { return ipvs.ServiceKey.Compare(a.key, b.key) })
		q.order, q.sorted = slices.Compact(q.order), true
	}
	for len(q.order) > 0 {
		first := q.order[0]
		q.order = q.order[1:]
		if first.due {
			q.remove(first)
			return first
		}
	}
	return nil
}
