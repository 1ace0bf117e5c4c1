// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/kernel/kerneltest"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// twoLinks is view, and a group inside that moves together with it: real servers have 192.0.2.1 on eth1 as their gateway.
func twoLinks(preempt bool) world {
	w := view(3, 3)
	outside := &w.Node.Spec.DirectorGroups[0]
	inside := outside.DeepCopy()
	inside.Name, inside.AddressPools = "inside", []v1alpha1.CIDR{"192.0.2.0/28"}
	router := &inside.VirtualRouters[0]
	router.Interface, router.VirtualRouterID, router.Addresses = "eth1", 67, []v1alpha1.IPAddress{"192.0.2.1"}
	w.Node.Spec.DirectorGroups = append(w.Node.Spec.DirectorGroups, *inside)
	for i := range w.Node.Spec.DirectorGroups {
		router := &w.Node.Spec.DirectorGroups[i].VirtualRouters[0]
		router.MoveTogether, router.Preempt = "nat", preempt
	}
	return w
}

// twoArms is a director on two links, whose routers run as Backups.
func twoArms(t *testing.T, preempt bool) (n *node, outside, inside *fakeRouter) {
	t.Helper()
	n = newNode(t, kerneltest.New("eth0", "eth1"), t.TempDir())
	n.api.say(twoLinks(preempt))
	n.settle(t)
	if len(n.started) != 2 {
		t.Fatalf("%d routers run, want 2", len(n.started))
	}
	// They may have started in any order: the real servers of the group outside are checked first.
	slices.SortFunc(n.started, func(a, b *fakeRouter) int { return int(a.config.VRID) - int(b.config.VRID) })
	return n, n.started[0], n.started[1]
}

// twoRoles is one that has both roles.
func twoRoles(t *testing.T, preempt bool) (n *node, outside, inside *fakeRouter) {
	t.Helper()
	n, outside, inside = twoArms(t, preempt)
	// Nobody is to see one of them without the other: it would be told to yield.
	for _, r := range n.started {
		r.change(func() { r.state = vrrp.Active })
	}
	outside.become(vrrp.Active)
	inside.become(vrrp.Active)
	n.settle(t)
	for _, r := range n.started {
		r.change(func() { r.yields = 0 })
	}
	return n, outside, inside
}

const bothUp = "ip address add 198.51.100.10/32 dev eth0 proto 76 label eth0:lvs\nip address add 192.0.2.1/32 dev eth1 proto 76 label eth1:lvs"

func TestBothRolesAreClaimedWhenBothAreWantedAndNotBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, outside, inside := twoArms(t, true)
		if !outside.config.Waits || !inside.config.Waits {
			t.Fatal("a router would become Active by itself")
		}
		n.kernel.TakeApplied()
		outside.stand(vrrp.Wanting)
		synctest.Wait()
		if outside.state != vrrp.Backup {
			t.Fatal("it took a role of which the other one is elsewhere")
		}
		inside.stand(vrrp.Wanting)
		synctest.Wait()
		if outside.state != vrrp.Active || inside.state != vrrp.Active {
			t.Fatalf("outside %s, inside %s without a pass", outside.state, inside.state)
		}
		expect(t, "without a pass", n.operations(), bothUp)
	})
}

func TestTheLossOfOneRoleOffersTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, outside, inside := twoRoles(t, true)
		inside.become(vrrp.Backup)
		synctest.Wait()
		if outside.yields != 1 || outside.standsBack {
			t.Errorf("%d offers, stands back %t; want one, with its priority as it is", outside.yields, outside.standsBack)
		}
	})
}

func TestAFaultOffersTheOtherRoleAndStandsBackWhileItLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, outside, inside := twoRoles(t, true)
		inside.change(func() { inside.fault = errors.New("interface is down or has no carrier") })
		inside.become(vrrp.Initialize)
		synctest.Wait()
		if outside.yields != 1 || !outside.standsBack {
			t.Fatalf("%d offers, stands back %t without a pass", outside.yields, outside.standsBack)
		}
		outside.become(vrrp.Backup) // the other director has it
		n.settle(t)
		n.expectPriority(t, "while it lasts", 1, v1alpha1.LoweredLinkDown)
		// The other one dies, and this is the last.
		outside.stand(vrrp.Wanting)
		n.settle(t)
		if outside.state != vrrp.Active {
			t.Error("nobody serves, though it could")
		}
		n.later(t, time.Minute)
		if outside.yields != 1 {
			t.Errorf("%d offers: who preempts needs no other", outside.yields)
		}
		inside.change(func() { inside.fault = nil })
		inside.become(vrrp.Backup)
		inside.stand(vrrp.Waiting)
		n.settle(t)
		if outside.standsBack || inside.standsBack {
			t.Error("it stands back still")
		}
		n.expectPriority(t, "after it", 100, "")
	})
}

func TestWhereNobodyPreemptsADirectorWithAFaultOffersAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, outside, inside := twoRoles(t, false)
		inside.change(func() { inside.fault = errors.New("interface is down or has no carrier") })
		inside.become(vrrp.Initialize)
		n.settle(t)
		outside.stand(vrrp.Absent) // nobody took it
		n.later(t, 2*time.Minute)
		if outside.yields < 2 {
			t.Errorf("%d offers in two minutes", outside.yields)
		}
	})
}

// The group inside has no real servers whose death could lower its priority: the other director would take the one outside alone.
func TestPrioritiesOfRoutersThatMoveTogetherAreLoweredTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, outside, inside := twoRoles(t, true)
		n.servers.set("192.0.2.11:8080", true)
		n.servers.set("192.0.2.12:8080", true)
		n.later(t, 30*time.Second)
		if outside.config.Priority != 25 || inside.config.Priority != 25 {
			t.Errorf("priorities %d and %d, want 25", outside.config.Priority, inside.config.Priority)
		}
		for _, group := range n.api.status.DirectorGroups {
			if got := group.VirtualRouters[0].Lowered; got != v1alpha1.LoweredRealServersDown {
				t.Errorf("%s: lowered %q", group.Name, got)
			}
		}
		n.servers.set("192.0.2.11:8080", false)
		n.later(t, 30*time.Second)
		if outside.config.Priority != 100 || inside.config.Priority != 100 {
			t.Errorf("priorities %d and %d, want 100", outside.config.Priority, inside.config.Priority)
		}
	})
}

func TestARouterThatDoesNotMoveTogetherAnyMoreIsItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, outside, inside := twoRoles(t, true)
		inside.change(func() { inside.fault = errors.New("interface is down or has no carrier") })
		inside.become(vrrp.Initialize)
		n.settle(t)
		apart := twoLinks(true)
		apart.Node.Generation++
		for i := range apart.Node.Spec.DirectorGroups {
			apart.Node.Spec.DirectorGroups[i].VirtualRouters[0].MoveTogether = ""
		}
		n.api.say(apart)
		n.settle(t)
		if outside.standsBack || outside.watcher != nil || outside.config.Waits || outside.config.Priority != 100 {
			t.Errorf("stands back %t, waits %t, priority %d", outside.standsBack, outside.config.Waits, outside.config.Priority)
		}
	})
}

// The end of a group is no fault that concerns the other one.
func TestAGroupThatGoesLeavesTheOtherItsRole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, outside, inside := twoRoles(t, true)
		alone := twoLinks(true)
		alone.Node.Generation++
		alone.Node.Spec.DirectorGroups = alone.Node.Spec.DirectorGroups[:1]
		n.api.say(alone)
		n.settle(t)
		if !inside.stopped || inside.watcher != nil {
			t.Error("the group is still there")
		}
		if outside.yields != 0 || outside.standsBack || outside.config.Priority != 100 {
			t.Errorf("%d offers, stands back %t, priority %d", outside.yields, outside.standsBack, outside.config.Priority)
		}
	})
}

// A director that is killed finds both roles as it left them, one router after the other.
func TestRolesThatAreResumedStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, dir := kerneltest.New("eth0", "eth1"), t.TempDir()
		before := newNode(t, k, dir)
		before.api.say(twoLinks(true))
		before.settle(t)
		for _, r := range before.started {
			r.stand(vrrp.Wanting)
		}
		before.settle(t)
		k.TakeApplied()
		after := newNode(t, k, dir)
		after.api.say(twoLinks(true))
		after.later(t, time.Minute)
		if len(after.started) != 2 || slices.ContainsFunc(after.started, func(r *fakeRouter) bool { return !r.resumed || r.yields > 0 || r.state != vrrp.Active }) {
			t.Errorf("they did not resume")
		}
		expect(t, "operations", after.operations(), "")
	})
}

func TestNothingIsClaimedBeforeAllRun(t *testing.T) {
	kicked := 0
	set := newTogether(func() { kicked++ }, newNode(t, kerneltest.New("eth0"), t.TempDir()).log)
	one := &fakeRouter{state: vrrp.Backup, standing: vrrp.Wanting, events: RouterEvents{Transition: func(vrrp.State) []netip.Addr { return nil }}}
	set.arrange(map[string][]companion{"nat": {{running: one}, {}}})
	set.decide()
	if one.state != vrrp.Backup {
		t.Fatal("the other one does not run yet")
	}
	// One that cannot be started holds nobody up for ever.
	set.arrange(map[string][]companion{"nat": {{running: one}, {failed: true}}})
	set.decide()
	if one.state != vrrp.Active || !one.standsBack {
		t.Errorf("%s, stands back %t", one.state, one.standsBack)
	}
}
