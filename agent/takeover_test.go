// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/lvs-operator/lvs-operator/agent/kernel/kerneltest"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// backup is a director whose router runs and follows another one.
func backup(t *testing.T) *node {
	t.Helper()
	n := newNode(t, kerneltest.New("eth0"), t.TempDir())
	n.api.say(view(3, 3))
	n.settle(t)
	n.kernel.TakeApplied()
	return n
}

func TestADirectorThatWinsHasItsAddressesBeforeAnyPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := backup(t)
		n.started[0].become(vrrp.Active)
		synctest.Wait()
		expect(t, "before a pass", n.operations(), vipUp)
		if n.started[0].announced != 1 {
			t.Errorf("announced %d times, want once", n.started[0].announced)
		}
		n.settle(t)
		expect(t, "by the pass that follows", n.operations(), "")
		if n.started[0].announced != 1 {
			t.Errorf("announced %d times after a pass, want once", n.started[0].announced)
		}
	})
}

func TestAnAddressWithoutItsServicesDoesNotComeWithThoseThatAreReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := backup(t)
		more := view(3, 3)
		more.Node.Generation++
		router := &more.Node.Spec.DirectorGroups[0].VirtualRouters[0]
		router.Addresses = append(router.Addresses, "198.51.100.20")
		n.api.say(more)
		n.takeView(t.Context(), n.audited)
		n.routers.adopt(n.desired.Node(), n.audited)
		n.started[0].become(vrrp.Active)
		synctest.Wait()
		expect(t, "before the pass that sees to the new address's services", n.operations(), "")
		n.settle(t)
		if got := len(n.actual.Addresses); got != 2 {
			t.Errorf("%d addresses after the pass, want both", got)
		}
	})
}

func TestAnAddressThatTheKernelRefusesAtFirstComesWithThePass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := backup(t)
		n.kernel.Refuse(func(plan.Operation) error { return errors.New("no memory") })
		n.started[0].become(vrrp.Active)
		synctest.Wait()
		n.kernel.Refuse(nil)
		if n.started[0].announced != 0 {
			t.Error("announced what is not there")
		}
		n.settle(t)
		expect(t, "by the pass", n.operations(), vipUp)
		if n.started[0].announced != 1 {
			t.Errorf("announced %d times, want once", n.started[0].announced)
		}
	})
}

func TestADirectorThatHasYieldedAgainAddsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := backup(t)
		n.started[0].state = vrrp.Backup
		n.started[0].transition(vrrp.Active) // heard late: the router is Backup again
		synctest.Wait()
		expect(t, "operations", n.operations(), "")
	})
}
