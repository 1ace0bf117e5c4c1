// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// Companion is a running virtual router as far as those need it that move together with it.
type Companion interface {
	// Standing is how it stands in its election.
	Standing() vrrp.Standing
	// Watch has f called when that has changed, from the router's thread: f does not block. nil: nobody watches any more.
	Watch(f func())
	// Yield makes an Active offer its role. It stays Active until another director takes it.
	Yield()
	// Claim makes a Backup Active at once.
	Claim()
	// StandBack makes it take part with the lowest priority, until it is called with false.
	StandBack(back bool)
}

// together keeps the roles of virtual routers that move together on one director. It decides when a standing changes, on a goroutine of
// its own: a pass of the loop may take longer than an election.
type together struct {
	log *slog.Logger
	// kick asks for a pass.
	kick func()
	wake chan struct{}

	mu   sync.Mutex
	sets map[string]*companions
}

// companions are the virtual routers of one name.
type companions struct {
	members  []companion
	decision vrrp.Together
	// standBack is what the members were told last, if told.
	standBack, told bool
}

// companion is one of them, in the place that it has on every director.
type companion struct {
	// running is nil for a router that does not run, because it has failed, or not yet.
	running Companion
	failed  bool
}

func (c companion) standing() vrrp.Standing {
	switch {
	case c.running != nil:
		return c.running.Standing()
	case c.failed:
		return vrrp.Faulty
	}
	return vrrp.Absent
}

func newTogether(kick func(), log *slog.Logger) *together {
	return &together{log: log, kick: kick, wake: make(chan struct{}, 1), sets: map[string]*companions{}}
}

// run decides until ctx ends.
func (t *together) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.wake:
			t.decide()
		}
	}
}

// changed has the standings looked at soon. It never blocks; any number of calls before that are one.
func (t *together) changed() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// arrange makes these the virtual routers that move together, by the name that they have in common.
func (t *together) arrange(sets map[string][]companion) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.running()
	for name, members := range sets {
		set := t.sets[name]
		if set == nil {
			set = &companions{}
			t.sets[name] = set
		}
		if slices.Equal(set.members, members) {
			continue
		}
		set.members, set.told = members, false
		set.each(func(c Companion) { c.Watch(t.changed) })
		t.changed()
	}
	maps.DeleteFunc(t.sets, func(name string, _ *companions) bool { return sets[name] == nil })
	after := t.running()
	for c := range before {
		if !after[c] {
			c.Watch(nil)
			c.StandBack(false)
		}
	}
}

// running are the members of all sets that run.
func (t *together) running() map[Companion]bool {
	all := map[Companion]bool{}
	for _, set := range t.sets {
		set.each(func(c Companion) { all[c] = true })
	}
	return all
}

// decide asks for a decision of each set, and carries it out.
func (t *together) decide() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(t.sets)) {
		t.decideOne(name, t.sets[name])
	}
}

func (t *together) decideOne(name string, set *companions) {
	standings, names := make([]vrrp.Standing, 0, len(set.members)), make([]string, 0, len(set.members))
	for _, member := range set.members {
		standing := member.standing()
		standings, names = append(standings, standing), append(names, standing.String())
	}
	order := set.decision.Decide(standings)
	if !set.told || set.standBack != order.StandBack {
		set.told, set.standBack = true, order.StandBack
		set.each(func(c Companion) { c.StandBack(order.StandBack) })
		t.kick()
	}
	switch order.Move {
	case vrrp.ClaimAll:
		t.log.Info("virtual routers that move together claim the role", "moveTogether", name, "standings", names)
		set.each(Companion.Claim)
	case vrrp.YieldAll:
		t.log.Info("virtual routers that move together offer the role", "moveTogether", name, "standings", names)
		set.each(Companion.Yield)
	case vrrp.Stay:
	}
}

func (s *companions) each(do func(Companion)) {
	for _, member := range s.members {
		if member.running != nil {
			do(member.running)
		}
	}
}

// gather arranges the routers that move together.
func (rs *routers) gather() {
	sets := map[string][]companion{}
	for _, r := range rs.sorted() {
		if r.moves == "" {
			continue
		}
		sets[r.moves] = append(sets[r.moves], r.companion())
	}
	rs.together.arrange(sets)
}

func (r *router) companion() companion {
	if r.running == nil {
		return companion{failed: r.failure != nil}
	}
	return companion{running: r.running}
}

// movesWith says whether two routers move together; each moves with itself.
func (r *router) movesWith(other *router) bool {
	return r == other || r.moves != "" && r.moves == other.moves
}

// fitnessOf is how well this director can serve the router's group and those that move together with it: they have their priority
// lowered for each other's sake, because the others take over all or none.
func (rs *routers) fitnessOf(r *router) fitness {
	worst := rs.fitness[r.key.group]
	if r.moves == "" {
		return worst
	}
	for _, other := range rs.byKey {
		if other.movesWith(r) {
			worst = max(worst, rs.fitness[other.key.group])
		}
	}
	return worst
}

// severed says that a router of the group, or one that moves together with it, cannot use its interface, where that keeps others from
// their role.
func (rs *routers) severed(group string) bool {
	for _, r := range rs.byKey {
		if r.key.group != group || r.moves == "" {
			continue
		}
		for _, other := range rs.byKey {
			if other.movesWith(r) && other.companion().standing() == vrrp.Faulty {
				return true
			}
		}
	}
	return false
}
