// SPDX-License-Identifier: Apache-2.0

package monitor

import (
	"container/heap"
	"time"
)

// notQueued is the index of a watch that is in no queue.
const notQueued = -1

// queue holds watches, at most 2^31 - 1, the one with the earliest time in front. Adding and removing cost the logarithm of its length.
type queue struct{ watches byTime }

// push takes a watch in that is in no queue, with its time.
func (q *queue) push(w *watch, at time.Time) {
	w.at = at
	heap.Push(&q.watches, w)
}

func (q *queue) remove(w *watch) { heap.Remove(&q.watches, int(w.queue)) }

// first is the watch with the earliest time; nil: there is none.
func (q *queue) first() *watch {
	if len(q.watches) == 0 {
		return nil
	}
	return q.watches[0]
}

// byTime is the heap.Interface under queue; it keeps each watch's index.
type byTime []*watch

func (h byTime) Len() int { return len(h) }

func (h byTime) Less(i, j int) bool { return h[i].at.Before(h[j].at) }

func (h byTime) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].queue, h[j].queue = int32(i), int32(j)
}

// Push is heap.Interface's: it appends; only heap.Push calls it.
func (h *byTime) Push(x any) {
	w := x.(*watch)
	w.queue = int32(len(*h))
	*h = append(*h, w)
}

// Pop is heap.Interface's: it takes the last; only heap.Pop and heap.Remove call it.
func (h *byTime) Pop() any {
	last := len(*h) - 1
	w := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	w.queue = notQueued
	return w
}
