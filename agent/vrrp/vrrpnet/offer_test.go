// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"net/netip"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// offeringRouter is an Active that has just offered its role, and what its transitions told.
type offeringRouter struct {
	*router
	t    *testing.T
	now  time.Time
	node *node
	told []vrrp.State
	// watched counts the changes of standing.
	watched int
}

// offeringWith says nothing of what was told before the offer.
func offeringWith(t *testing.T, waits bool) *offeringRouter {
	t.Helper()
	o := &offeringRouter{t: t, now: time.Now(), node: &node{}}
	_, o.router = activeWith(t, o.node, o.now, vrrp.Config{Version: vrrp.Version3, VRID: 66, Priority: 100, Interval: time.Second, Waits: waits,
		Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.200")}})
	o.options.OnTransition = func(s vrrp.State) []netip.Addr { o.told = append(o.told, s); return nil }
	watch := func() { o.watched++ }
	o.watcher.Store(&watch)
	o.addressesReady(o.now, o.config.Addresses)
	_ = o.offer(o.now)
	return o
}

// until serves the timers up to a time after the offer.
func (o *offeringRouter) until(d time.Duration) {
	end := o.now.Add(d)
	for next := o.next(); !next.IsZero() && !next.After(end); next = o.next() {
		o.now = next
		o.tick(o.now)
	}
	o.now = end
}

// hear receives an advertisement of 192.0.2.112.
func (o *offeringRouter) hear(priority uint8) {
	a := o.instance.Advertisement()
	a.Priority = priority
	o.receive(o.now, netip.MustParseAddr("192.0.2.112"), &a)
}

func (o *offeringRouter) expect(state vrrp.State, standing vrrp.Standing, told ...vrrp.State) {
	o.t.Helper()
	gotState, gotStanding := vrrp.State(o.counters.state.Load()), vrrp.Standing(o.counters.standing.Load())
	if gotState != state || gotStanding != standing {
		o.t.Errorf("%s, %s; want %s, %s", gotState, gotStanding, state, standing)
	}
	if len(o.told) != len(told) || len(told) > 0 && o.told[len(told)-1] != told[len(told)-1] {
		o.t.Errorf("told %v, want %v", o.told, told)
	}
}

func TestAnOfferThatIsTakenEndsWithTheOthersAdvertisement(t *testing.T) {
	o := offeringWith(t, false)
	o.expect(vrrp.Active, vrrp.Waiting)
	o.hear(vrrp.PriorityResign) // an echo of another offer takes nothing
	o.expect(vrrp.Active, vrrp.Waiting)
	o.hear(50)
	o.expect(vrrp.Backup, vrrp.Following, vrrp.Backup)
	if o.announced != nil || !o.resignAt.IsZero() {
		t.Error("it would go on announcing or resigning")
	}
	if o.watched != 2 {
		t.Errorf("the standing changed %d times, want twice", o.watched)
	}
}

func TestNobodyHearsOfAnOfferThatNobodyTakes(t *testing.T) {
	o := offeringWith(t, false)
	before := o.counters.sendErrors.Load() // the sockets of this test send nothing
	o.until(3 * time.Second)
	if again := o.counters.sendErrors.Load() - before; again != 3 {
		t.Errorf("priority 0 was repeated %d times in three intervals", again)
	}
	o.expect(vrrp.Active, vrrp.Waiting)
	o.until(time.Second)
	o.expect(vrrp.Active, vrrp.Holding)
	if len(o.announced) != 1 || !o.resignAt.IsZero() {
		t.Error("it does not know its addresses any more, or goes on resigning")
	}
}

func TestABetterRouterThatOffersItsRoleIsNotActiveBetweenTwo(t *testing.T) {
	o := offeringWith(t, false)
	c := o.config
	c.Preempt = true
	if err := o.reconfigure(o.now, c); err != nil {
		t.Fatal(err)
	}
	o.hear(50) // which it means to replace
	o.expect(vrrp.Backup, vrrp.Waiting, vrrp.Backup)
	o.until(4 * time.Second)
	o.expect(vrrp.Active, vrrp.Holding, vrrp.Backup, vrrp.Active)
}

func TestAnOfferOfARouterThatWaitsIsTakenBackByAClaim(t *testing.T) {
	o := offeringWith(t, true)
	o.until(4 * time.Second)
	o.expect(vrrp.Active, vrrp.Wanting)
	_ = o.claim(o.now)
	o.expect(vrrp.Active, vrrp.Holding)
}

func TestAnOfferOfARouterThatIsNotClaimedEnds(t *testing.T) {
	o := offeringWith(t, true)
	o.until(8 * time.Second)
	o.expect(vrrp.Backup, vrrp.Wanting, vrrp.Backup)
	if !o.resignAt.IsZero() {
		t.Error("it goes on resigning")
	}
}

func TestAFaultEndsAnOffer(t *testing.T) {
	o := offeringWith(t, false)
	o.node.down = true
	o.thread.look(o.now)
	o.expect(vrrp.Initialize, vrrp.Faulty, vrrp.Initialize)
	o.node.down = false
	o.thread.packets, o.thread.raw[0] = &packetSocket{fd: -1}, &rawSocket{fd: -1, index: 7}
	o.thread.look(o.now)
	o.expect(vrrp.Backup, vrrp.Waiting, vrrp.Initialize, vrrp.Backup)
}

func TestAStopDuringAnOfferWaitsForASuccessorToo(t *testing.T) {
	o := offeringWith(t, false)
	o.resign(o.now)
	if o.hasFinished() || o.succeeded {
		t.Fatal("it did not wait")
	}
	o.expect(vrrp.Active, vrrp.Faulty)
	o.until(5 * time.Second)
	if o.hasFinished() {
		t.Fatal("its timer ended the wait")
	}
	o.hear(50)
	if !o.succeeded || !o.hasFinished() {
		t.Error("another director has the role")
	}
}

func TestOnlyAnActiveOffersAndOnlyABackupClaims(t *testing.T) {
	o := offeringWith(t, false)
	o.hear(50)
	sent := o.counters.sendErrors.Load()
	_ = o.offer(o.now)
	if got := o.counters.sendErrors.Load(); got != sent {
		t.Errorf("a Backup sent %d packets", got-sent)
	}
	_ = o.claim(o.now)
	o.expect(vrrp.Active, vrrp.Holding, vrrp.Backup, vrrp.Active)
	_ = o.claim(o.now)
	o.expect(vrrp.Active, vrrp.Holding, vrrp.Backup, vrrp.Active)
}

func TestWhoStandsBackHasTheLowestPriorityWhateverIsConfigured(t *testing.T) {
	now := time.Now()
	_, r := activeOn(t, &node{}, now)
	_ = r.standBack(now, true)
	c := r.config
	c.Priority = 120
	if err := r.reconfigure(now, c); err != nil {
		t.Fatal(err)
	}
	if got := r.instance.Config().Priority; got != lastPriority {
		t.Errorf("priority %d while it stands back", got)
	}
	_ = r.standBack(now, false)
	if got := r.instance.Config().Priority; got != 120 {
		t.Errorf("priority %d afterwards", got)
	}
}

// A request to a router that has ended must not wait for its thread, which may go on with others.
func TestNothingIsAskedOfARouterThatHasEnded(t *testing.T) {
	mail, err := openMailbox()
	if err != nil {
		t.Fatal(err)
	}
	defer mail.close()
	now := time.Now()
	th, r := activeOn(t, &node{}, now)
	th.mail = mail
	runner := &Runner{router: r, thread: th}
	r.giveUp()
	runner.Yield()
	runner.Claim()
	runner.StandBack(true)
	mail.deliver(now)
	if runner.State() != vrrp.Initialize || runner.Standing() != vrrp.Faulty {
		t.Errorf("%s, %s", runner.State(), runner.Standing())
	}
}
