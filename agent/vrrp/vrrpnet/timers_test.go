// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"math/rand/v2"
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
		if !ts.first().Equal(first) {
			t.Fatalf("the first is %s, want %s", ts.first(), first)
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

// A turn that begins a little later serves what is due soon after, too: many routers do not wake the thread one by one.
func TestATurnWaitsForTimersThatAreDueSoon(t *testing.T) {
	now := time.Now()
	l, r := activeOn(t, &node{}, now)
	if want := now.Add(time.Second + mostSlack); !l.next().Equal(want) {
		t.Errorf("the next turn is in %s, want %s", l.next().Sub(now), want.Sub(now))
	}
	l.tick(now.Add(time.Second - 1))
	if !r.instance.Deadline().Equal(now.Add(time.Second)) {
		t.Error("served before its deadline")
	}
	fast := r.config
	fast.Version, fast.Interval = vrrp.Version3, 10*time.Millisecond
	l2, _ := activeWith(t, &node{}, now, fast)
	if want := now.Add(10*time.Millisecond + 10*time.Millisecond/slackShare); !l2.next().Equal(want) {
		t.Errorf("every 10 ms: the next turn is in %s, want %s", l2.next().Sub(now), want.Sub(now))
	}
}
