// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"container/heap"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// deadlines are when services are due for something though nothing changes, each at one time. Setting one and taking one cost the logarithm of
// their number. The zero value has none.
type deadlines struct {
	at map[ipvs.ServiceKey]time.Time
	// queue has an element for each of at, and some that were replaced since.
	queue deadlineHeap
}

type deadline struct {
	at  time.Time
	key ipvs.ServiceKey
}

// set makes a time a service's only one; zero: it has none.
func (d *deadlines) set(key ipvs.ServiceKey, at time.Time) {
	if at.IsZero() {
		delete(d.at, key)
		return
	}
	if d.at == nil {
		d.at = map[ipvs.ServiceKey]time.Time{}
	}
	if d.at[key].Equal(at) {
		return
	}
	d.at[key] = at
	heap.Push(&d.queue, deadline{at, key})
	if len(d.queue) > 2*len(d.at)+replacedMost {
		d.rebuild()
	}
}

// replacedMost is how many replaced elements are no matter.
const replacedMost = 64

func (d *deadlines) rebuild() {
	d.queue = d.queue[:0]
	for key, at := range d.at {
		d.queue = append(d.queue, deadline{at, key})
	}
	heap.Init(&d.queue)
}

// next is the earliest time; zero: there is none.
func (d *deadlines) next() time.Time {
	for len(d.queue) > 0 {
		first := d.queue[0]
		if at, set := d.at[first.key]; set && at.Equal(first.at) {
			return first.at
		}
		heap.Pop(&d.queue)
	}
	return time.Time{}
}

// take takes a service out whose time has come; false: there is none.
func (d *deadlines) take(now time.Time) (ipvs.ServiceKey, bool) {
	if at := d.next(); at.IsZero() || now.Before(at) {
		return ipvs.ServiceKey{}, false
	}
	first := heap.Pop(&d.queue).(deadline)
	delete(d.at, first.key)
	return first.key, true
}

// deadlineHeap is the heap.Interface under deadlines: the earliest first, and by key where times are the same.
type deadlineHeap []deadline

func (h deadlineHeap) Len() int { return len(h) }

func (h deadlineHeap) Less(i, j int) bool {
	return cmp.Or(h[i].at.Compare(h[j].at), h[i].key.Compare(h[j].key)) < 0
}

func (h deadlineHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *deadlineHeap) Push(x any) { *h = append(*h, x.(deadline)) }

// Pop implements heap.Interface.
func (h *deadlineHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}
