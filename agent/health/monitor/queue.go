// SPDX-License-Identifier: Apache-2.0

package monitor

import (
	"container/heap"
	"time"
)

// notQueued is the place of a watch that is in no queue.
const notQueued = -1

// queue holds watches, at most 2^31 - 1, the one due first in front. Adding and removing cost the logarithm of its length.
type queue struct{ watches byDue }

func (q *queue) push(w *watch) { heap.Push(&q.watches, w) }

func (q *queue) remove(w *watch) { heap.Remove(&q.watches, int(w.place)) }

// due takes out and returns the first watch if its time has come, else nil.
func (q *queue) due(now time.Time) *watch {
	if len(q.watches) == 0 || q.watches[0].law.Due().After(now) {
		return nil
	}
	w := q.watches[0]
	q.remove(w)
	return w
}

// next is when the first watch is due; ok is false when the queue is empty.
func (q *queue) next() (due time.Time, ok bool) {
	if len(q.watches) == 0 {
		return time.Time{}, false
	}
	return q.watches[0].law.Due(), true
}

// byDue is the heap.Interface under queue; it keeps each watch's place.
type byDue []*watch

func (h byDue) Len() int { return len(h) }

func (h byDue) Less(i, j int) bool { return h[i].law.Due().Before(h[j].law.Due()) }

func (h byDue) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = int32(i), int32(j)
}

// Push is heap.Interface's: it appends; only heap.Push calls it.
func (h *byDue) Push(x any) {
	w := x.(*watch)
	w.place = int32(len(*h))
	*h = append(*h, w)
}

// Pop is heap.Interface's: it takes the last; only heap.Pop and heap.Remove call it.
func (h *byDue) Pop() any {
	last := len(*h) - 1
	w := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	w.place = notQueued
	return w
}
