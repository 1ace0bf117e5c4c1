// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/kernel/kerneltest"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// kept is view without preemption: the role stays where it is.
func kept() world {
	w := view(3, 3)
	w.Node.Spec.DirectorGroups[0].VirtualRouters[0].Preempt = false
	return w
}

// cordoned is kept after the controller has lowered the priority.
func cordoned() world {
	w := kept()
	w.Node.Generation++
	router := &w.Node.Spec.DirectorGroups[0].VirtualRouters[0]
	router.Priority, router.Lowered = 1, v1alpha1.LoweredUnschedulable
	return w
}

// keeper is a director that serves, and that nobody preempts.
func keeper(t *testing.T) *node {
	t.Helper()
	n := newNode(t, kerneltest.New("eth0"), t.TempDir())
	n.api.say(kept())
	n.settle(t)
	n.started[0].become(vrrp.Active)
	n.settle(t)
	return n
}

// expectOffers looks at how often the first router has offered its role.
func (n *node) expectOffers(t *testing.T, when string, want int) {
	t.Helper()
	if got := n.started[0].yields; got != want {
		t.Errorf("%s: %d offers, want %d", when, got, want)
	}
}

func TestACordonedDirectorThatNobodyPreemptsOffersItsRole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := keeper(t)
		n.later(t, time.Minute)
		n.expectOffers(t, "while all is well", 0)
		n.api.say(cordoned())
		n.settle(t)
		n.expectOffers(t, "cordoned", 1)
		if got := n.started[0].config.Priority; got != 1 {
			t.Errorf("priority %d", got)
		}
		n.started[0].become(vrrp.Backup) // another director took it
		n.later(t, 2*time.Hour)
		n.expectOffers(t, "as a Backup", 1)
		// The other one dies. Nobody else is there: what was just taken is not offered at once.
		n.started[0].become(vrrp.Active)
		n.settle(t)
		n.expectOffers(t, "Active again", 1)
		n.later(t, 2*time.Minute)
		n.expectOffers(t, "after a while", 2)
		// Neither priority nor role is lowered any more.
		n.started[0].become(vrrp.Active)
		n.api.say(kept())
		n.later(t, time.Hour)
		n.expectOffers(t, "uncordoned", 2)
	})
}

func TestALoweredDirectorOffersItsRoleAgainAfterPausesThatDouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := keeper(t)
		n.api.say(cordoned())
		n.settle(t)
		var at []time.Duration
		for begin, seen := time.Now(), 1; time.Since(begin) < 4*time.Hour; n.later(t, 10*time.Second) {
			if n.started[0].yields > seen {
				seen++
				at = append(at, time.Since(begin))
			}
			n.started[0].stand(vrrp.Absent) // nobody took it: it is Active as before
			if due := n.routers.offerDue(); due.Before(time.Now()) {
				t.Fatal("the loop would go round and round")
			}
		}
		want := []time.Duration{30 * time.Second, 90 * time.Second, 210 * time.Second, 450 * time.Second, 930 * time.Second, 1890 * time.Second,
			3810 * time.Second, 7410 * time.Second, 11010 * time.Second}
		if len(at) != len(want) {
			t.Fatalf("offers after %v, want %v", at, want)
		}
		for i := range at {
			if at[i] < want[i] || at[i] > want[i]+20*time.Second {
				t.Errorf("offer %d after %s, want %s", i, at[i], want[i])
			}
		}
	})
}

func TestADirectorThatCannotServeOffersItsRoleOnceALowering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := keeper(t)
		for lowering := range 2 {
			n.servers.set("192.0.2.11:8080", true)
			n.servers.set("192.0.2.12:8080", true)
			n.later(t, 30*time.Second)
			n.expectPriority(t, "blind", 25, v1alpha1.LoweredRealServersDown)
			n.expectOffers(t, "blind", lowering+1)
			n.servers.set("192.0.2.11:8080", false)
			n.servers.set("192.0.2.12:8080", false)
			n.later(t, 30*time.Second)
			n.started[0].stand(vrrp.Absent)
			n.expectPriority(t, "with real servers again", 100, "")
		}
	})
}

func TestWhereDirectorsPreemptNothingIsOffered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		w := cordoned()
		w.Node.Spec.DirectorGroups[0].VirtualRouters[0].Preempt = true
		n.api.say(w)
		n.later(t, time.Hour)
		n.expectOffers(t, "cordoned", 0)
	})
}
