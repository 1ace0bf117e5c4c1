// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"container/heap"
	"time"
)

// timers are a thread's routers by their next deadline, so that a turn looks at those that are due, and at no others. A router is
// in it while it is the thread's and has a deadline.
type timers struct {
	heap []*router
	// due are those that take returned last.
	due []*router
}

// notTimed is the place of a router that is in no heap.
const notTimed = -1

// first is the earliest deadline, and whose it is; nil: there is none.
func (t *timers) first() (time.Time, *router) {
	if len(t.heap) == 0 {
		return time.Time{}, nil
	}
	return t.heap[0].due, t.heap[0]
}

// set puts the router where its deadline belongs.
func (t *timers) set(r *router) {
	due := r.next()
	switch {
	case due.IsZero():
		t.remove(r)
	case r.timed == notTimed:
		r.due = due
		heap.Push(t, r)
	case !due.Equal(r.due):
		r.due = due
		heap.Fix(t, r.timed)
	}
}

// remove takes the router out, if it is in.
func (t *timers) remove(r *router) {
	if r.timed != notTimed {
		heap.Remove(t, r.timed)
	}
}

// take takes the routers out that are due. The answer is good until the next call.
func (t *timers) take(now time.Time) []*router {
	t.due = t.due[:0]
	for len(t.heap) > 0 && !now.Before(t.heap[0].due) {
		t.due = append(t.due, heap.Pop(t).(*router)) //nolint:forcetypeassert // it has nothing else
	}
	return t.due
}

// Len implements heap.Interface.
func (t *timers) Len() int { return len(t.heap) }

// Less implements heap.Interface.
func (t *timers) Less(i, j int) bool { return t.heap[i].due.Before(t.heap[j].due) }

// Swap implements heap.Interface.
func (t *timers) Swap(i, j int) {
	t.heap[i], t.heap[j] = t.heap[j], t.heap[i]
	t.heap[i].timed, t.heap[j].timed = i, j
}

// Push implements heap.Interface.
func (t *timers) Push(x any) {
	r := x.(*router) //nolint:forcetypeassert // it has nothing else
	r.timed = len(t.heap)
	t.heap = append(t.heap, r)
}

// Pop implements heap.Interface.
func (t *timers) Pop() any {
	last := len(t.heap) - 1
	r := t.heap[last]
	t.heap[last] = nil
	t.heap = t.heap[:last]
	r.timed = notTimed
	return r
}
