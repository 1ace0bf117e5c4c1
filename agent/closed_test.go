// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/kernel/kerneltest"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// closing is a director's view of a group whose virtual IP accepts nothing.
func closing() world {
	w := view(3, 3)
	w.RealServers[0].Spec.HealthCheck = nil
	w.Node.Spec.DirectorGroups[0].VirtualRouters[0].Closed = true
	return w
}

const (
	closes = "nft: closed to all but IPVS: 198.51.100.10"
	opens  = "nft: no virtual IP is closed"
	comes  = "ip address add 198.51.100.10/32"
)

func TestAVirtualIPIsClosedBeforeItsDirectorIsActive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		n.api.say(closing())
		n.settle(t)
		if got := n.operations(); !strings.Contains(got, closes) || strings.Contains(got, comes) {
			t.Fatalf("operations as Backup:\n%s", got)
		}
		n.started[0].become(vrrp.Active)
		n.settle(t)
		if got := n.operations(); strings.Contains(got, "nft") || !strings.Contains(got, comes) {
			t.Errorf("operations at the failover:\n%s", got)
		}
		open := closing()
		open.Node.Spec.DirectorGroups[0].VirtualRouters[0].Closed = false
		n.api.say(open)
		n.settle(t)
		expect(t, "operations when it is opened", n.operations(), opens)
		if n.query(n.nodeIn()).Closed {
			t.Error("nf_tables is asked for what is not there")
		}
	})
}

func TestAKilledAgentOpensWhatItsGroupNoLongerCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, dir := kerneltest.New("eth0"), t.TempDir()
		before := newNode(t, k, dir)
		before.api.say(closing())
		before.settle(t)
		k.TakeApplied()
		after := newNode(t, k, dir)
		after.settle(t)
		expect(t, "operations of the one after it", after.operations(), "")
		after.api.say(view(3, 3))
		after.settle(t)
		if got := after.operations(); !strings.Contains(got, opens) {
			t.Errorf("operations:\n%s", got)
		}
	})
}

func TestAVirtualIPThatCannotBeClosedIsAProblemOfItsGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		n.kernel.Refuse(kerneltest.Every[*plan.SetClosed](errors.New("load the module nf_tables")))
		n.api.say(closing())
		n.later(t, 6*time.Second)
		problems := n.api.status.Problems
		if len(problems) != 1 || problems[0].DirectorGroup != "edge" || !strings.Contains(problems[0].Message, "load the module nf_tables") {
			t.Fatalf("problems: %+v", problems)
		}
		n.kernel.Refuse(nil)
		n.later(t, 12*time.Second)
		if got := n.operations(); !strings.Contains(got, closes) || len(n.api.status.Problems) != 0 {
			t.Errorf("problems %+v, after\n%s", n.api.status.Problems, got)
		}
	})
}

func TestADirectorThatClosesNothingNeverAsksForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		n.api.say(view(3, 3))
		n.settle(t)
		if n.query(n.nodeIn()).Closed {
			t.Error("nf_tables is asked in vain")
		}
	})
}
