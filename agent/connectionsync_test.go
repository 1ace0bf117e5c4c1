// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/connections"
	"github.com/lvs-operator/lvs-operator/agent/kernel/kerneltest"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

var other = netip.MustParseAddr("198.51.100.2")

// returning is a director of a group with connection sync that has just come back.
func returning(t *testing.T) *node {
	t.Helper()
	n := newNode(t, kerneltest.New("eth0"), t.TempDir())
	n.api.say(synced())
	n.settle(t)
	if n.exchange == nil || n.exchange.master.ID != 66 {
		t.Fatalf("exchange %+v", n.exchange)
	}
	return n
}

func (n *node) expectPreempts(t *testing.T, when string, want bool) {
	t.Helper()
	n.settle(t)
	if got := n.started[0].config.Preempt; got != want {
		t.Errorf("%s: may take the role from a living director: %t, want %t", when, got, want)
	}
}

func TestADirectorThatComesBackTakesNoRoleBeforeItKnowsTheConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := returning(t)
		n.expectPreempts(t, "at first", false)
		n.later(t, 20*time.Second)
		n.expectPreempts(t, "after a long time without an Active director", false)
		n.started[0].follow(other)
		n.later(t, time.Second)
		if !slices.Equal(n.exchange.asked, []netip.Addr{other}) {
			t.Fatalf("asked %s, want the Active director", n.exchange.asked)
		}
		n.later(t, 5*time.Second)
		n.expectPreempts(t, "while the other tells", false)
		n.exchange.answers <- nil
		n.expectPreempts(t, "when it knows the connections", true)
	})
}

func TestADirectorThatIsToldNothingWaitsForATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := returning(t)
		n.started[0].follow(other)
		n.later(t, catchUpBound-time.Second)
		n.expectPreempts(t, "before the bound", false)
		n.later(t, 2*time.Second)
		n.expectPreempts(t, "after the bound", true)
	})
}

func TestADirectorThatBecomesActiveItselfHasNothingToWaitFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := returning(t)
		n.started[0].become(vrrp.Active)
		n.later(t, time.Second)
		n.expectPreempts(t, "as Active", true)
	})
}

func TestADirectorWhoseInterfaceWasDownHasMissedConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := returning(t)
		n.started[0].follow(other)
		n.later(t, time.Second)
		n.exchange.answers <- nil
		n.expectPreempts(t, "when it knows the connections", true)
		n.started[0].become(vrrp.Initialize)
		n.settle(t)
		n.started[0].become(vrrp.Backup)
		n.expectPreempts(t, "when the interface is up again", false)
		n.exchange.answers <- nil
		n.expectPreempts(t, "when it knows the connections again", true)
	})
}

func TestWithoutConnectionSyncNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := backup(t)
		n.expectPreempts(t, "at first", true)
		if n.exchange != nil {
			t.Error("listens for questions though the group has no connection sync")
		}
	})
}

func TestOthersHearOfConnectionsThatBeginWhileARoleChangesHands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := returning(t)
		n.started[0].predecessor = other
		n.started[0].become(vrrp.Active)
		n.settle(t)
		n.expectTold(t, "took over from a living director", "500ms own")
		n.later(t, 5*time.Second)
		n.started[0].become(vrrp.Backup)
		n.settle(t)
		n.expectTold(t, "yielded", "500ms own synced")
		n.later(t, 5*time.Second)
		n.started[0].predecessor = netip.Addr{}
		n.started[0].become(vrrp.Active)
		n.settle(t)
		n.expectTold(t, "took over from a dead one")
		if err := n.handOver(); err != nil {
			t.Fatal(err)
		}
		n.expectTold(t, "stopped", "5.5s own synced")
		if !slices.Equal(n.exchange.toldAll, []string{" own synced"}) {
			t.Errorf("told of %q before it resigned, want everything of the virtual IP once", n.exchange.toldAll)
		}
	})
}

func TestADirectorThatDoesNotServeTellsNothingWhenItStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := returning(t)
		if err := n.handOver(); err != nil {
			t.Fatal(err)
		}
		n.expectTold(t, "stopped as Backup")
		if len(n.exchange.toldAll) > 0 {
			t.Errorf("told of %q over what the Active director has", n.exchange.toldAll)
		}
	})
}

func TestADirectorWhoseLinkComesBackTellsNothingOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := returning(t)
		n.started[0].become(vrrp.Active)
		n.later(t, 5*time.Second)
		n.started[0].become(vrrp.Initialize)
		n.later(t, 5*time.Second)
		n.started[0].become(vrrp.Backup)
		n.settle(t)
		n.expectTold(t, "a link that comes back")
	})
}

func TestADirectorThatResumedHandsOverAsAnyOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, dir := kerneltest.New("eth0"), t.TempDir()
		before := newNode(t, k, dir)
		before.api.say(synced())
		before.settle(t)
		before.started[0].become(vrrp.Active)
		before.settle(t)
		n := newNode(t, k, dir)
		n.api.say(synced())
		n.later(t, 5*time.Second)
		if !n.started[0].resumed {
			t.Fatal("did not resume")
		}
		n.started[0].follow(other)
		n.started[0].become(vrrp.Backup)
		n.settle(t)
		n.expectTold(t, "yielded", "500ms own synced")
		if held := n.kernel.TakeHolds(); len(held) != 1 || held[0].To != other {
			t.Errorf("held %+v, want what it does not know to go to the one that took over", held)
		}
	})
}

func TestAnotherExchangeWaitsForTheEndOfTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := returning(t)
		first := n.exchange
		changed := synced()
		changed.Node.Generation++
		changed.Node.Spec.DirectorGroups[0].ConnectionSync.TTL = 2
		n.api.say(changed)
		n.settle(t)
		if n.exchange == first || n.exchange.master.TTL != 2 || !first.ended.Load() {
			t.Fatalf("exchange %+v, the first one ended: %t", n.exchange.master, first.ended.Load())
		}
		n.expectPreempts(t, "with a new exchange", false)
		n.started[0].follow(other)
		n.later(t, time.Second)
		n.exchange.answers <- nil
		n.expectPreempts(t, "when it knows the connections", true)
	})
}

func TestAnExchangeThatCannotBeOpenedIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		n.mayExchange = errors.New("address already in use")
		n.api.say(synced())
		n.later(t, 10*time.Second)
		n.expectPreempts(t, "without an exchange there is nothing to wait for", true)
		n.mayExchange = nil
		n.later(t, 10*time.Second)
		if n.exchange == nil {
			t.Error("not tried again")
		}
	})
}

func TestAVirtualIPThatComesLaterIsToldOfToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := returning(t)
		n.started[0].become(vrrp.Active)
		n.settle(t)
		more := synced()
		more.Node.Generation++
		router := &more.Node.Spec.DirectorGroups[0].VirtualRouters[0]
		router.Addresses = append(router.Addresses, "198.51.100.20")
		n.api.say(more)
		n.settle(t)
		if !n.routers.serves(netip.MustParseAddr("198.51.100.20")) {
			t.Error("who asks for its connections is told of none")
		}
	})
}

func TestWhatIsToldOfGrowsWhileItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
		of := func(address netip.Addr, synced bool) connections.Connection {
			return connections.Connection{Virtual: netip.AddrPortFrom(address, 80), Synced: synced}
		}
		var x telling
		if !x.extend(time.Now().Add(time.Second), []netip.Addr{one}, true) || x.extend(time.Now().Add(2*time.Second), []netip.Addr{two}, false) {
			t.Fatal("one tells, and goes on with what is added")
		}
		if !x.tells(of(one, false), connections.Details{}) || x.tells(of(one, true), connections.Details{}) || !x.tells(of(two, true), connections.Details{}) {
			t.Error("of the one address its own are told, of the other one all")
		}
		time.Sleep(1500 * time.Millisecond)
		if left := x.left(); left != 500*time.Millisecond {
			t.Errorf("%s left, want half a second", left)
		}
		time.Sleep(time.Second)
		if x.left() != 0 || !x.extend(time.Now().Add(time.Second), []netip.Addr{two}, true) || x.tells(of(one, false), connections.Details{}) {
			t.Error("when all is told the next one begins anew")
		}
	})
}

func (n *node) expectTold(t *testing.T, when string, want ...string) {
	t.Helper()
	if got := n.exchange.told; !slices.Equal(got, want) {
		t.Errorf("%s: told others %q, want %q", when, got, want)
	}
	n.exchange.told = nil
}
