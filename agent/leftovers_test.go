// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/kernel/kerneltest"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// killed is what an agent leaves that was killed while it was Active: its kernel and its checkpoint.
func killed(t *testing.T) (k *kerneltest.Kernel, dir string) {
	t.Helper()
	k, dir = kerneltest.New("eth0"), t.TempDir()
	before := newNode(t, k, dir)
	before.api.say(view(3, 3))
	before.settle(t)
	before.started[0].become(vrrp.Active)
	before.settle(t)
	k.TakeApplied()
	return k, dir
}

const vipDown = "ip address del 198.51.100.10/32 dev eth0"

// While no agent ran another director took over. The one that comes back finds its mark on the address and resumes, which tells the
// other, and the link; the other is better and answers before the agent has looked again. Clients that just heard of this director are
// served until they have heard of the other.
func TestAKilledAgentThatComesBackToABetterActiveLetsTheAddressGoAfterAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, dir := killed(t)
		again := newNode(t, k, dir)
		again.pass(t.Context(), time.Now())
		if len(again.started) != 1 || !again.started[0].resumed {
			t.Fatalf("%d routers started, want the one whose address is there, and that it resumes", len(again.started))
		}
		again.started[0].become(vrrp.Backup)
		again.settle(t)
		time.Sleep(yieldGrace - time.Millisecond)
		again.settle(t)
		expect(t, "while the link learns where the address is", again.operations(), "")
		time.Sleep(time.Millisecond)
		again.settle(t)
		expect(t, "after it", again.operations(), vipDown)
		again.later(t, time.Minute)
		expect(t, "as Backup", again.operations(), "")
	})
}

// Whoever configured the address elsewhere meanwhile finds it free: the mark alone says that it was ours.
func TestTheAddressOfAKilledAgentGoesThoughItIsNoLongerWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, dir := killed(t)
		moved := view(3, 3)
		moved.Node.Spec.DirectorGroups[0].VirtualRouters = nil
		moved.Node.Generation++
		again := newNode(t, k, dir)
		again.api.say(moved)
		again.later(t, 2*time.Second)
		expect(t, "operations", again.operations(), vipDown)
		if len(again.started) != 0 {
			t.Error("a router runs that nobody wants")
		}
	})
}

// An address without our mark is somebody else's, though it is one of the router's.
func TestAnAddressWithoutOurMarkIsNoLeftover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := kerneltest.New("eth0")
		k.Preset(nil, plan.Actual{Addresses: []plan.Address{{Interface: "eth0", Prefix: vipPrefix}}})
		n := newNode(t, k, t.TempDir())
		n.api.say(view(3, 3))
		n.later(t, 2*time.Second)
		if len(n.started) != 1 || n.started[0].resumed {
			t.Errorf("%d routers started, the first resumed: %t; want one that begins as Backup", len(n.started), len(n.started) > 0 && n.started[0].resumed)
		}
		expect(t, "operations", n.operations(), inService)
	})
}
