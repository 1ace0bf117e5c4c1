// SPDX-License-Identifier: Apache-2.0

package monitor

// noPlace is that of a watch whose check does not run.
const noPlace = -1

// places are those of the checks that run.
type places struct {
	most int
	at   []*watch // nil: it is free or stuck
	free []int32
	// stuck are the places of checks that were given up and have not ended, with their watches.
	stuck map[int]*watch
}

// full says that no further check can run.
func (p *places) full() bool { return len(p.free) == 0 && len(p.at) == p.most }

// used is how many checks run, apart from those that are stuck.
func (p *places) used() int { return len(p.at) - len(p.free) - len(p.stuck) }

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

// leave frees a place whose check has ended, and takes out the watch that has it; nil: that was given up.
func (p *places) leave(place int) *watch {
	p.free = append(p.free, int32(place))
	if given, isStuck := p.stuck[place]; isStuck {
		given.stuck--
		delete(p.stuck, place)
		return nil
	}
	w := p.at[place]
	p.at[place], w.place = nil, noPlace
	return w
}

// giveUp takes out a watch that has a place, which is stuck until leave.
func (p *places) giveUp(w *watch) {
	w.stuck++
	p.stuck[int(w.place)] = w
	p.at[w.place], w.place = nil, noPlace
}
