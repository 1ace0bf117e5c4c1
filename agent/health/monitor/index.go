// SPDX-License-Identifier: Apache-2.0

package monitor

import (
	"net/netip"
	"unique"

	"github.com/lvs-operator/lvs-operator/agent/health"
)

// index finds watches by their target, and all watches of one address. The watches of one address form a list: nearly always
// it has one link, for it takes two pools that list the same real server and check it differently to make two. All costs are
// in proportion to that list, and to nothing else.
type index struct {
	first map[netip.AddrPort]*watch
	size  int // watches in all lists
}

func newIndex() index { return index{first: map[netip.AddrPort]*watch{}} }

// of returns the first watch of an address, from which next leads to the others; nil if there is none.
func (i *index) of(address netip.AddrPort) *watch { return i.first[address] }

// find returns the watch of t; nil if t is not watched.
func (i *index) find(t health.Target) *watch {
	spec := unique.Make(t.Spec)
	for w := i.first[t.Address]; w != nil; w = w.next {
		if w.law.Spec() == spec {
			return w
		}
	}
	return nil
}

// add takes a watch in whose target is not in the index.
func (i *index) add(w *watch) {
	w.next = i.first[w.address]
	i.first[w.address] = w
	i.size++
}

// remove takes out a watch that is in the index.
func (i *index) remove(w *watch) {
	i.size--
	if i.first[w.address] == w {
		if w.next == nil {
			delete(i.first, w.address)
		} else {
			i.first[w.address] = w.next
		}
		return
	}
	before := i.first[w.address]
	for before.next != w {
		before = before.next
	}
	before.next = w.next
}
