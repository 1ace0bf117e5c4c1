// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// TestTimersGiveTheRoutersThatAreDueAndNoOthers compares them with a look at every router, whatever happens to their deadlines.
func TestTimersGiveTheRoutersThatAreDueAndNoOthers(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 9568))
	now := time.Now()
	var all []*router
	for range 40 {
		all = append(all, &router{instance: &vrrp.Instance{}, timed: notTimed}) // an instance without a deadline
	}
	ts := timers{}
	for range 5000 {
		r := all[random.IntN(len(all))]
		switch random.IntN(4) {
		case 0:
			r.retryAt = time.Time{}
		default:
			r.retryAt = now.Add(time.Duration(random.IntN(1000)) * time.Millisecond)
		}
		ts.set(r)
		if random.IntN(10) == 0 {
			ts.remove(all[random.IntN(len(all))])
		}
		var first time.Time
		want := map[*router]bool{}
		for _, r := range all {
			if r.timed == notTimed {
				continue
			}
			first = earlier(first, r.due)
			if !now.Before(r.due) {
				want[r] = true
			}
		}
		if got, _ := ts.first(); !got.Equal(first) {
			t.Fatalf("the first is %s, want %s", got, first)
		}
		due := ts.take(now)
		for _, r := range due {
			if !want[r] || r.timed != notTimed {
				t.Fatal("took a router that is not due, or left it in its place")
			}
		}
		if len(due) != len(want) {
			t.Fatalf("took %d routers, want %d", len(due), len(want))
		}
		now = now.Add(time.Duration(random.IntN(20)) * time.Millisecond)
	}
}

// A turn that begins a little later serves what is due soon after, too: many routers do not wake the thread one by one, and few wait
// for nothing.
func TestATurnOfManyRoutersWaitsForTimersThatAreDueSoon(t *testing.T) {
	for _, test := range []struct {
		routers         int
		interval, slack time.Duration
	}{
		{1, time.Second, 0}, {FewRouters, 10 * time.Millisecond, 0},
		{FewRouters + 1, time.Second, mostSlack}, {250, 10 * time.Millisecond, 10 * time.Millisecond / slackShare},
	} {
		now := time.Now()
		l, r := activeOn(t, &node{}, now)
		for id := 1; len(l.routers) < test.routers; id++ {
			c := r.config
			if c.VRID = uint8(id); id == 66 {
				continue
			}
			instance, err := vrrp.NewInstance(c)
			if err == nil {
				err = l.take(newRouter(l, Options{Config: c}, instance))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, r := range l.routers {
			r.config.Interval = test.interval
		}
		l.setTimers()
		if want := now.Add(time.Second + test.slack); !l.next().Equal(want) {
			t.Errorf("%d routers every %s: the next turn is %s after the deadline, want %s", test.routers, test.interval, l.next().Sub(now)-time.Second, test.slack)
		}
		better := r.instance.Advertisement()
		better.Priority++
		r.receive(now, netip.MustParseAddr("192.0.2.115"), &better)
		if l.setTimers(); r.instance.State() != vrrp.Backup || !l.next().Equal(r.instance.Deadline()) {
			t.Errorf("%d routers every %s: a %s waits for others, until %s after its deadline", test.routers, test.interval, r.instance.State(), l.next().Sub(r.instance.Deadline()))
		}
	}
}
