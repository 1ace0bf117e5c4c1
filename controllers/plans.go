// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"sync"

	"github.com/lvs-operator/lvs-operator/controllers/compile"
	"github.com/lvs-operator/lvs-operator/controllers/rollup"
)

// plan is one director group as it was compiled and written. It is immutable.
type plan struct {
	nodes map[string]compile.NodePart
	view  rollup.View
}

// plans holds the newest plan of each group, from which NodeStates and statuses follow. It holds nothing that a start
// cannot make anew.
type plans struct {
	mu      sync.RWMutex
	byGroup map[string]*plan
}

func newPlans() *plans { return &plans{byGroup: map[string]*plan{}} }

// get returns nil for a group that has not been compiled.
func (p *plans) get(group string) *plan {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.byGroup[group]
}

// put replaces a group's plan and returns the one before, nil for none. A nil plan forgets the group.
func (p *plans) put(group string, next *plan) (before *plan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before = p.byGroup[group]
	if next == nil {
		delete(p.byGroup, group)
	} else {
		p.byGroup[group] = next
	}
	return before
}

// nodeParts are all groups' parts in one node.
func (p *plans) nodeParts(node string) []compile.NodePart {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var parts []compile.NodePart
	for _, group := range p.byGroup {
		if part, ok := group.nodes[node]; ok {
			parts = append(parts, part)
		}
	}
	return parts
}
