// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/kernel/kerneltest"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

func TestWhoCanServeWinsAndAmongEqualsTheConfiguredOrderStays(t *testing.T) {
	for _, better := range []uint8{100, 99, 50, 254} {
		for _, worse := range []uint8{99, 98, 64} {
			for _, f := range []fitness{fit, blind, unprogrammed} {
				if better > worse && f.priority(better) < f.priority(worse) {
					t.Errorf("%d is %d and %d is %d: fitness %d turns the order round", better, f.priority(better), worse, f.priority(worse), f)
				}
			}
			if better < 4*worse && (blind.priority(better) >= worse || unprogrammed.priority(better) >= blind.priority(worse)) {
				t.Errorf("%d: blind %d, unprogrammed %d; %d: %d, blind %d", better, blind.priority(better), unprogrammed.priority(better), worse, worse, blind.priority(worse))
			}
		}
	}
	if got := unprogrammed.priority(1); got != 1 {
		t.Errorf("priority 1 becomes %d", got)
	}
	if got := unprogrammed.priority(vrrp.PriorityOwner); got != vrrp.PriorityOwner {
		t.Errorf("the owner's becomes %d", got)
	}
}

// expectPriority looks at the router, and at what is reported of it.
func (n *node) expectPriority(t *testing.T, when string, want uint8, reason string) {
	t.Helper()
	reported := n.api.status.DirectorGroups[0].VirtualRouters[0]
	if got := n.started[0].config.Priority; got != want || reported.Priority != int32(want) || reported.Lowered != reason {
		t.Errorf("%s: priority %d, reported %d, lowered %q; want %d and %q", when, got, reported.Priority, reported.Lowered, want, reason)
	}
}

func TestADirectorThatSeesEveryRealServerDeadLowersItsPriority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		n.servers.set("192.0.2.11:8080", true)
		n.later(t, 30*time.Second)
		n.expectPriority(t, "with one real server left", 100, "")
		n.servers.set("192.0.2.12:8080", true)
		n.later(t, 30*time.Second)
		n.expectPriority(t, "with none", 25, v1alpha1.LoweredRealServersDown)
		lower := view(3, 3)
		lower.Node.Spec.DirectorGroups[0].VirtualRouters[0].Priority = 80
		n.api.say(lower)
		n.settle(t)
		n.expectPriority(t, "configured anew", 20, v1alpha1.LoweredRealServersDown)
		n.servers.set("192.0.2.12:8080", false)
		n.later(t, 7*time.Second)
		n.expectPriority(t, "with one again", 80, "")
	})
}

func TestADirectorThatSeesNoRealServerAliveBeginsWithALowPriority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		n.servers.set("192.0.2.11:8080", true)
		n.servers.set("192.0.2.12:8080", true)
		n.api.say(view(3, 3))
		n.settle(t)
		n.expectPriority(t, "at the start", 25, v1alpha1.LoweredRealServersDown)
	})
}

func TestADirectorThatCannotReadItsTableLowersItsPriorityWhenThatLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		n.kernel.FailTables(errors.New("no buffer space available"))
		n.later(t, defaultResync)
		n.expectPriority(t, "at once", 100, "")
		n.later(t, 2*defaultResync)
		n.expectPriority(t, "after a while", 6, v1alpha1.LoweredNotProgrammed)
		n.kernel.FailTables(nil)
		n.later(t, 2*defaultResync)
		n.expectPriority(t, "when it can be read again", 100, "")
	})
}
