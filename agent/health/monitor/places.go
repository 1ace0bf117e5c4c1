// SPDX-License-Identifier: Apache-2.0

package monitor

// noPlace is that of a watch whose check does not run.
const noPlace = -1

// places are those of the checks that run.
type places struct {
	most int
	at   []*watch
	free []int32
}

// full says that no further check can run.
func (p *places) full() bool { return len(p.free) == 0 && len(p.at) == p.most }

// used is how many checks run.
func (p *places) used() int { return len(p.at) - len(p.free) }

// take gives a watch a place. They must not be full.
func (p *places) take(w *watch) {
	if last := len(p.free) - 1; last >= 0 {
		w.place = p.free[last]
		p.free = p.free[:last]
		p.at[w.place] = w
		return
	}
	w.place = int32(len(p.at))
	p.at = append(p.at, w)
}

// leave takes the watch out that has a place.
func (p *places) leave(place int) *watch {
	w := p.at[place]
	p.at[place] = nil
	p.free = append(p.free, int32(place))
	w.place = noPlace
	return w
}
