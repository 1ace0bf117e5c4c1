// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

func TestWhatIsDecidedForRoutersThatMoveTogether(t *testing.T) {
	const (
		absent, faulty, waiting = vrrp.Absent, vrrp.Faulty, vrrp.Waiting
		following, tied         = vrrp.Following, vrrp.Tied
		wanting                 = vrrp.Wanting
		called, holding         = vrrp.Called, vrrp.Holding
	)
	stay, claim, yield := vrrp.Order{}, vrrp.Order{Move: vrrp.ClaimAll}, vrrp.Order{Move: vrrp.YieldAll}
	for _, c := range []struct {
		tells     string
		standings []vrrp.Standing
		want      vrrp.Order
	}{
		{"nobody", nil, stay},
		{"both roles are here", []vrrp.Standing{holding, holding}, stay},
		{"both roles are elsewhere", []vrrp.Standing{following, following}, stay},
		{"one wants, the other one hears the Active", []vrrp.Standing{wanting, following}, stay},
		{"one wants, the other one does not know yet", []vrrp.Standing{wanting, waiting}, stay},
		{"both want", []vrrp.Standing{wanting, wanting}, claim},
		{"one is here, the other one wants", []vrrp.Standing{holding, wanting}, claim},
		{"one is here, the other one does not know yet", []vrrp.Standing{holding, waiting}, stay},
		{"one has lost", []vrrp.Standing{holding, following}, yield},
		{"one is called, where the other one is dead", []vrrp.Standing{called, following}, claim},
		{"one does not run yet", []vrrp.Standing{called, absent}, stay},
		{"one resumed, and the other one is about to", []vrrp.Standing{holding, absent}, stay},
		{"one of three has lost", []vrrp.Standing{holding, following, holding}, yield},
		{"the first one has won a tie, the other one has lost it", []vrrp.Standing{holding, tied}, stay},
		{"the first one has lost a tie", []vrrp.Standing{tied, holding}, yield},
		{"the first one without a fault has lost a tie", []vrrp.Standing{tied, holding, holding}, yield},
		{"the last one hears the Active, of equal priority", []vrrp.Standing{wanting, tied}, stay},
		{"a set of one", []vrrp.Standing{wanting}, claim},
		{"all are cut off", []vrrp.Standing{faulty, faulty}, vrrp.Order{StandBack: true}},
		{"a Backup is cut off", []vrrp.Standing{faulty, following}, vrrp.Order{StandBack: true}},
		{"the Active is cut off", []vrrp.Standing{faulty, holding}, vrrp.Order{StandBack: true, Move: vrrp.YieldAll}},
		{"the last one alive is cut off", []vrrp.Standing{faulty, wanting}, vrrp.Order{StandBack: true, Move: vrrp.ClaimAll}},
	} {
		var together vrrp.Together
		if got := together.Decide(c.standings); got != c.want {
			t.Errorf("%s: %v gives %+v, want %+v", c.tells, c.standings, got, c.want)
		}
	}
}

func TestAFaultMakesTheOthersYieldOnce(t *testing.T) {
	var together vrrp.Together
	cut := []vrrp.Standing{vrrp.Faulty, vrrp.Holding}
	for i, want := range []vrrp.Order{{StandBack: true, Move: vrrp.YieldAll}, {StandBack: true}, {StandBack: true}} {
		if got := together.Decide(cut); got != want {
			t.Errorf("decision %d: %+v, want %+v", i, got, want)
		}
	}
	if got := together.Decide([]vrrp.Standing{vrrp.Waiting, vrrp.Holding}); got != (vrrp.Order{}) {
		t.Errorf("when it is over: %+v", got)
	}
	if got := together.Decide(cut); got.Move != vrrp.YieldAll {
		t.Errorf("the next fault: %+v", got)
	}
}

// pairOfLinks are two directors with a virtual router on each of two links.
type pairOfLinks struct {
	t         *testing.T
	r         *rand.Rand
	now       time.Time
	interval  time.Duration
	directors [2]*mover
	// deaf says who hears nothing on which link, without a fault: [director][link].
	deaf   [2][2]bool
	events []event
	moves  int // transitions so far
}

// mover is a director whose two routers move together.
type mover struct {
	alive      bool
	routers    [2]*vrrp.Instance
	configs    [2]vrrp.Config
	together   vrrp.Together
	standsBack bool
	// deciding says that a decision is on its way.
	deciding bool
}

// event is something that happens at its time: a packet that arrives, a decision or a part of an order that is carried out.
type event struct {
	at time.Time
	do func()
}

func (p *pairOfLinks) later(d time.Duration, do func()) {
	p.events = append(p.events, event{p.now.Add(d), do})
}

// soon is what a packet or a thread takes.
func (p *pairOfLinks) soon() time.Duration { return time.Duration(p.r.IntN(int(p.interval / 256))) }

func newPairOfLinks(t *testing.T, seed uint64) *pairOfLinks {
	r := rand.New(rand.NewPCG(seed, 67))
	p := &pairOfLinks{t: t, r: r, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), interval: time.Second}
	version, preempt := vrrp.Version(2+r.IntN(2)), r.IntN(2) == 0
	if version == vrrp.Version3 {
		p.interval = time.Duration(1+r.IntN(20)) * 50 * time.Millisecond
	}
	for d := range p.directors {
		p.directors[d] = &mover{}
		for l := range 2 {
			// Where priorities are equal, the greater address is the one's on one link and the other's on the other.
			host := byte(112 + 2*(d^l*(int(seed)&1)))
			p.directors[d].configs[l] = vrrp.Config{Version: version, VRID: uint8(66 + l), Interval: p.interval, Preempt: preempt, Waits: true,
				Addresses: vips, Source: netip.AddrFrom4([4]byte{192, 0, byte(2 + l), host})}
		}
	}
	priorities := [2]uint8{uint8(1 + r.IntN(254)), uint8(1 + r.IntN(254))}
	if r.IntN(3) == 0 {
		priorities[1] = priorities[0]
	}
	for d := range p.directors {
		for l := range 2 {
			p.directors[d].configs[l].Priority = priorities[d]
		}
	}
	return p
}

// act does what an instance asks for.
func (p *pairOfLinks) act(d, l int, actions vrrp.Actions) {
	m := p.directors[d]
	send := func(a vrrp.Advertisement) {
		source := m.configs[l].Source
		p.later(p.soon(), func() {
			other := p.directors[1-d]
			if !other.alive || p.deaf[1-d][l] {
				return
			}
			received, err := other.routers[l].Receive(p.now, source, &a)
			if err != nil {
				p.t.Fatal(err)
			}
			p.act(1-d, l, received)
		})
	}
	if actions.Has(vrrp.Advertise) {
		send(m.routers[l].Advertisement())
	}
	if actions.Has(vrrp.Resign) {
		send(m.routers[l].Resignation())
	}
	if actions.Has(vrrp.Transition) {
		p.moves++
	}
	p.wake(d)
}

// wake has a director decide soon. Real ones are woken when a standing changes; to be woken more often must change nothing.
func (p *pairOfLinks) wake(d int) {
	m := p.directors[d]
	if m.deciding {
		return
	}
	m.deciding = true
	p.later(p.soon(), func() { p.decide(d) })
}

// decide reads the standings and carries the order out, each router in its own time.
func (p *pairOfLinks) decide(d int) {
	m := p.directors[d]
	if !m.alive {
		m.deciding = false
		return
	}
	before := m.standings()
	order := m.together.Decide(before[:])
	steps := []func(l int){}
	if order.StandBack != m.standsBack {
		m.standsBack = order.StandBack
		steps = append(steps, func(l int) {
			actions, err := m.routers[l].Reconfigure(p.now, m.config(l))
			if err != nil {
				p.t.Fatal(err)
			}
			p.act(d, l, actions)
		})
	}
	switch order.Move {
	case vrrp.ClaimAll:
		steps = append(steps, func(l int) { p.act(d, l, m.routers[l].Claim(p.now)) })
	case vrrp.YieldAll:
		steps = append(steps, func(l int) { p.act(d, l, m.routers[l].Yield(p.now)) })
	}
	p.carryOut(d, before, steps, 0)
}

// carryOut does the rest of an order from one step on one link on.
func (p *pairOfLinks) carryOut(d int, before [2]vrrp.Standing, steps []func(l int), next int) {
	m := p.directors[d]
	if next == 2*len(steps) || !m.alive {
		m.deciding = false
		if m.alive && m.standings() != before {
			p.wake(d)
		}
		return
	}
	p.later(p.soon(), func() {
		if m.alive {
			steps[next/2](next % 2)
		}
		p.carryOut(d, before, steps, next+1)
	})
}

func (m *mover) standings() [2]vrrp.Standing {
	return [2]vrrp.Standing{m.routers[0].Standing(), m.routers[1].Standing()}
}

func (m *mover) config(l int) vrrp.Config {
	c := m.configs[l]
	if m.standsBack {
		c.Priority = 1
	}
	return c
}

// boot starts a director anew.
func (p *pairOfLinks) boot(d int) {
	m := p.directors[d]
	m.alive, m.together, m.standsBack = true, vrrp.Together{}, false
	for l := range 2 {
		instance, err := vrrp.NewInstance(m.configs[l])
		if err != nil {
			p.t.Fatal(err)
		}
		m.routers[l] = instance
	}
	for l := range 2 {
		p.act(d, l, m.routers[l].Start(p.now, false))
	}
}

// run plays what happens within the duration.
func (p *pairOfLinks) run(d time.Duration) {
	end := p.now.Add(d)
	for n := 0; ; n++ {
		if n > 200000 {
			p.t.Fatal("the directors never come to rest")
		}
		slices.SortStableFunc(p.events, func(a, b event) int { return a.at.Compare(b.at) })
		next, tick := end, func() bool { return false }
		if len(p.events) > 0 && !p.events[0].at.After(next) {
			next = p.events[0].at
			tick = func() bool {
				do := p.events[0].do
				p.events = p.events[1:]
				do()
				return true
			}
		}
		for d, m := range p.directors {
			for l := range 2 {
				if !m.alive || m.routers[l].Deadline().IsZero() || !m.routers[l].Deadline().Before(next) {
					continue
				}
				next = m.routers[l].Deadline()
				tick = func() bool {
					p.act(d, l, m.routers[l].Tick(p.now))
					return true
				}
			}
		}
		if next.After(p.now) {
			p.now = next
		}
		if !tick() {
			return
		}
	}
}

// mishap does something to a director: it dies or boots, a link of it fails or comes back, or turns deaf or hears again.
func (p *pairOfLinks) mishap() {
	d, l := p.r.IntN(2), p.r.IntN(2)
	m := p.directors[d]
	switch kind := p.r.IntN(6); {
	case kind == 0 && m.alive:
		m.alive = false
	case kind < 3 && !m.alive:
		p.boot(d)
	case !m.alive:
	case kind < 4 && m.routers[l].State() != vrrp.Initialize:
		p.act(d, l, m.routers[l].Shutdown(p.now))
	case kind < 5 && m.routers[l].State() == vrrp.Initialize:
		p.act(d, l, m.routers[l].Start(p.now, false))
	default:
		p.deaf[d][l] = !p.deaf[d][l]
	}
}

// heal ends every mishap.
func (p *pairOfLinks) heal() {
	p.deaf = [2][2]bool{}
	for d, m := range p.directors {
		if !m.alive {
			p.boot(d)
			continue
		}
		for l := range 2 {
			p.act(d, l, m.routers[l].Start(p.now, false))
		}
	}
}

// holder is the director that has both roles alone; false: there is none.
func (p *pairOfLinks) holder() (int, bool) {
	for d, m := range p.directors {
		other := p.directors[1-d]
		if m.alive && m.standings() == [2]vrrp.Standing{vrrp.Holding, vrrp.Holding} &&
			(!other.alive || other.routers[0].State() != vrrp.Active && other.routers[1].State() != vrrp.Active) {
			return d, true
		}
	}
	return 0, false
}

func (p *pairOfLinks) state() string {
	var s string
	for d, m := range p.directors {
		s += fmt.Sprintf("director %d alive %t, priority %d: %v; ", d, m.alive, m.configs[0].Priority, m.standings())
	}
	return s
}

// Whatever happens to two directors and their links, when it is over both roles are on one of them, on the better one where it may
// preempt, and stay there.
func TestRoutersThatMoveTogetherEndOnOneDirector(t *testing.T) {
	for seed := range uint64(1500) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			p := newPairOfLinks(t, seed)
			p.boot(0)
			p.boot(1)
			for range 1 + p.r.IntN(20) {
				p.run(time.Duration(p.r.Int64N(int64(6 * p.interval))))
				p.mishap()
			}
			p.heal()
			bound := 20 * max(p.interval, time.Second)
			p.moves = 0
			p.run(bound)
			holder, one := p.holder()
			if !one {
				t.Fatalf("the roles are not together: %s", p.state())
			}
			if p.moves > 12 {
				t.Errorf("%d transitions until they came to rest: %s", p.moves, p.state())
			}
			best := p.directors[1-holder].configs[0]
			if c := p.directors[holder].configs[0]; c.Preempt && best.Priority > c.Priority {
				t.Errorf("the worse director holds the roles: %s", p.state())
			}
			p.moves = 0
			p.run(bound)
			if again, one := p.holder(); !one || again != holder || p.moves > 0 {
				t.Errorf("%d transitions though nothing happens: %s", p.moves, p.state())
			}
		})
	}
}

// settledPair are two directors, the first of them better and Active.
func settledPair(t *testing.T, seed uint64) *pairOfLinks {
	p := newPairOfLinks(t, seed)
	for l := range 2 {
		p.directors[0].configs[l].Priority, p.directors[1].configs[l].Priority = 100, 99
	}
	p.boot(0)
	p.run(5 * max(p.interval, time.Second))
	p.boot(1)
	p.run(5 * max(p.interval, time.Second))
	if d, one := p.holder(); !one || d != 0 {
		t.Fatalf("the better director does not hold both: %s", p.state())
	}
	p.moves = 0
	return p
}

// A link that loses everything without a fault must not make the roles go to and fro.
func TestALinkThatIsOnlyDeafMovesNothing(t *testing.T) {
	for seed := range uint64(50) {
		p := settledPair(t, seed)
		link := p.r.IntN(2)
		p.deaf[1][link] = true
		p.deaf[0][link] = p.r.IntN(2) == 0
		p.run(100 * p.interval)
		if d, one := p.holder(); !one || d != 0 || p.moves > 0 {
			t.Fatalf("seed %d: %d transitions: %s", seed, p.moves, p.state())
		}
	}
}

// The roles of an Active of which one link fails are the other director's within the skew, and come back after the fault where it may
// preempt.
func TestACutLinkMovesBothRolesAtOnceAndBack(t *testing.T) {
	for seed := range uint64(50) {
		p := settledPair(t, seed)
		link := p.r.IntN(2)
		p.act(0, link, p.directors[0].routers[link].Shutdown(p.now))
		p.run(max(p.interval, time.Second))
		if d, one := p.holder(); !one || d != 1 {
			t.Fatalf("seed %d: after the cut: %s", seed, p.state())
		}
		if p.moves != 4 {
			t.Errorf("seed %d: %d transitions, want one of each router", seed, p.moves)
		}
		p.run(20 * p.interval)
		if d, one := p.holder(); !one || d != 1 {
			t.Fatalf("seed %d: while it lasts: %s", seed, p.state())
		}
		p.act(0, link, p.directors[0].routers[link].Start(p.now, false))
		p.run(5 * max(p.interval, time.Second))
		back := 1
		if p.directors[0].configs[0].Preempt {
			back = 0
		}
		if d, one := p.holder(); !one || d != back {
			t.Fatalf("seed %d: after it: %s", seed, p.state())
		}
	}
}

// A director that is the last one alive serves with what it has.
func TestTheLastDirectorHoldsWhatItCan(t *testing.T) {
	for seed := range uint64(50) {
		p := settledPair(t, seed)
		p.directors[1].alive = false
		p.run(p.interval)
		p.act(0, 1, p.directors[0].routers[1].Shutdown(p.now))
		p.run(5 * max(p.interval, time.Second))
		if got := p.directors[0].standings(); got != [2]vrrp.Standing{vrrp.Holding, vrrp.Faulty} {
			t.Fatalf("seed %d: %v", seed, got)
		}
		p.act(0, 1, p.directors[0].routers[1].Start(p.now, false))
		p.run(5 * max(p.interval, time.Second))
		if d, one := p.holder(); !one || d != 0 {
			t.Fatalf("seed %d: after the fault: %s", seed, p.state())
		}
		if p.moves > 6 {
			t.Errorf("seed %d: %d transitions", seed, p.moves)
		}
	}
}
