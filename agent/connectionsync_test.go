// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

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
		n.started[0].follows = other
		n.later(t, time.Second)
		if n.exchange.asked != other {
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
		n.started[0].follows = other
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
		n.started[0].follows = other
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
		expectTold(t, n, "took over from a living director", yieldGrace)
		n.later(t, 5*time.Second)
		n.started[0].become(vrrp.Backup)
		n.settle(t)
		expectTold(t, n, "yielded", yieldGrace)
		n.later(t, 5*time.Second)
		n.started[0].predecessor = netip.Addr{}
		n.started[0].become(vrrp.Active)
		n.settle(t)
		expectTold(t, n, "took over from a dead one")
		if err := n.handOver(); err != nil {
			t.Fatal(err)
		}
		expectTold(t, n, "stopped", yieldGrace)
		if n.exchange.allTold != 1 {
			t.Errorf("told of everything %d times before it resigned, want once", n.exchange.allTold)
		}
	})
}

func expectTold(t *testing.T, n *node, when string, want ...time.Duration) {
	t.Helper()
	if got := n.exchange.told; !slices.Equal(got, want) {
		t.Errorf("%s: told others for %v, want %v", when, got, want)
	}
	n.exchange.told = nil
}
