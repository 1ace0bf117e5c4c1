// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/checkpoint"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/agent/kernel/kerneltest"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

func TestAKernelThatCannotBeReadIsNotReportedAsProgrammed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		n.kernel.FailTables(errors.New("no buffer space available"))
		newer := view(3, 1)
		newer.RealServers[0].Generation, newer.Node.Generation = 2, 8
		n.api.say(newer)
		n.settle(t)
		status := n.api.status
		if status.ObservedGeneration != 7 || status.DirectorGroups[0].Applied["edge-rs-0"] != 1 {
			t.Errorf("reported generation %d, slices %v: these are not in the kernel", status.ObservedGeneration, status.DirectorGroups[0].Applied)
		}
		if len(status.Problems) != 1 || status.Problems[0].DirectorGroup != "edge" {
			t.Errorf("problems: %+v", status.Problems)
		}
		n.kernel.FailTables(nil)
		n.later(t, 6*time.Second)
		if got := n.api.status.DirectorGroups[0].Applied["edge-rs-0"]; got != 2 {
			t.Errorf("applied generation %d after the kernel could be read again, want 2", got)
		}
	})
}

func TestAChangeOfTheVRRPVersionStartsAnotherRouterThatResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		changed := view(3, 3)
		router := &changed.Node.Spec.DirectorGroups[0].VirtualRouters[0]
		router.Version, router.Authentication = 3, nil
		n.api.say(changed)
		n.settle(t)
		if len(n.started) != 2 || !n.started[0].stopped || !n.started[1].resumed || n.started[1].config.Version != vrrp.Version3 {
			t.Fatalf("%d routers were started, the first stopped: %t", len(n.started), n.started[0].stopped)
		}
		expect(t, "operations", n.operations(), "")
	})
}

func TestAServiceLeftInANetworkThatTheGroupGaveUpGoesOnceItIsRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		shrunk := view(3, 3)
		shrunk.Node.Spec.DirectorGroups[0].AddressPools = []v1alpha1.CIDR{"203.0.113.0/24"}
		n.api.say(shrunk)
		n.later(t, 10*time.Second)
		gone := view(3, 3)
		gone.Node.Spec.DirectorGroups[0].AddressPools = []v1alpha1.CIDR{"203.0.113.0/24"}
		gone.Node.Spec.DirectorGroups[0].VirtualRouters[0].Addresses = nil
		gone.Services[0].Spec.Services = nil
		n.api.say(gone)
		n.later(t, 10*time.Second)
		if table := n.kernel.Saved(); len(table) != 0 {
			t.Errorf("left in the kernel, and nobody's:\n%s", table)
		}
	})
}

func TestOneServiceThatTheKernelRefusesIsOneProblem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		n.kernel.Refuse(func(o plan.Operation) error {
			switch o.(type) {
			case *plan.AddService, *plan.AddDestination:
				return errors.New("refused")
			}
			return nil
		})
		n.api.say(view(3, 3))
		n.later(t, 10*time.Second)
		if n.api.status.ProblemCount != 1 {
			t.Errorf("%d problems of one service: %+v", n.api.status.ProblemCount, n.api.status.Problems)
		}
	})
}

func TestAnAddressThatIsPutBackIsAnnouncedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		before := n.started[0].announced
		n.kernel.Apply(t.Context(), []plan.Operation{&plan.DeleteAddress{Interface: "eth0", Prefix: vipPrefix}})
		n.kickNode()
		n.settle(t)
		if got := n.started[0].announced - before; got != 1 {
			t.Errorf("announced %d times, want once", got)
		}
	})
}

// forgetful is a kernel whose table cannot be read back after a change.
type forgetful struct{ memoryKernel }

func (f forgetful) Apply(ctx context.Context, operations []plan.Operation) []kernel.Failure {
	defer f.FailTables(errors.New("no buffer space available"))
	return f.memoryKernel.Apply(ctx, operations)
}

func TestWhatCannotBeReadBackIsNotReportedAsApplied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		n.Agent.kernel = forgetful{memoryKernel{n.kernel}}
		newer := view(3, 1)
		newer.RealServers[0].Generation = 2
		n.api.say(newer)
		n.settle(t)
		if got := n.api.status.DirectorGroups[0].Applied["edge-rs-0"]; got != 1 {
			t.Errorf("applied generation %d, and nobody has read it back", got)
		}
	})
}

func TestAHelperThatIsMissingIsNamedUntilItIsLoaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		w := view(3, 3)
		w.Services[0].Spec.Services[0].ApplicationHelper = v1alpha1.HelperFTP
		n.api.say(w)
		n.later(t, 6*time.Second)
		problems := n.api.status.Problems
		if len(problems) != 1 || problems[0].Service != "web/tomcat/http" || !strings.Contains(problems[0].Message, "ip_vs_ftp") {
			t.Fatalf("problems: %+v", problems)
		}
		n.kernel.Preset(nil, plan.Actual{Modules: []string{"ip_vs_ftp"}})
		n.later(t, 6*time.Second)
		if len(n.api.status.Problems) != 0 {
			t.Errorf("after the module was loaded: %+v", n.api.status.Problems)
		}
	})
}

func TestAProblemOfARealServerGoesWithTheRealServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		n.kernel.Refuse(func(o plan.Operation) error {
			if add, ok := o.(*plan.AddDestination); ok && add.Destination.Address.String() == "192.0.2.12" {
				return errors.New("no unicast address")
			}
			return nil
		})
		n.api.say(view(3, 3))
		n.later(t, 12*time.Second)
		if len(n.api.status.Problems) != 1 || len(n.started) != 1 {
			t.Errorf("problems %+v, %d routers run: one bad real server must not keep the group from its addresses", n.api.status.Problems, len(n.started))
		}
		n.api.say(view(3))
		n.later(t, 6*time.Second)
		if len(n.api.status.Problems) != 0 {
			t.Errorf("after the real server was removed: %+v", n.api.status.Problems)
		}
	})
}

func TestARouterThatFaltersIsReportedThoughNothingIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		n.api.say(view(3, 3))
		n.later(t, 2*time.Second)
		router := n.started[0]
		router.fault = errors.New("eth0 is down")
		router.become(vrrp.Initialize)
		n.later(t, time.Second)
		if len(n.api.status.Problems) != 1 {
			t.Errorf("problems while the link is down: %+v", n.api.status.Problems)
		}
		router.fault = nil
		router.become(vrrp.Backup)
		n.later(t, time.Second)
		if state := n.api.status.DirectorGroups[0].VirtualRouters[0].State; len(n.api.status.Problems) != 0 || state != v1alpha1.VRRPBackup {
			t.Errorf("when it is up again: %s, %+v", state, n.api.status.Problems)
		}
	})
}

func TestARouterResumesBeforeTheTableIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, dir := kerneltest.New("eth0"), t.TempDir()
		before := newNode(t, k, dir)
		before.api.say(view(3, 3))
		before.settle(t)
		before.started[0].become(vrrp.Active)
		before.settle(t)
		after := newNode(t, k, dir)
		after.pass(t.Context(), time.Now())
		if len(after.started) != 1 || !after.started[0].resumed || after.tableRead {
			t.Errorf("%d routers run after the first pass; the table was read: %t", len(after.started), after.tableRead)
		}
	})
}

func TestARealServerOfWeightZeroThatIsRemovedDrainsOverARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, dir := kerneltest.New("eth0"), t.TempDir()
		n := newNode(t, k, dir)
		draining := func(weights ...int32) world {
			w := view(weights...)
			w.Services[0].Spec.Services[0].DrainSeconds = 300
			return w
		}
		n.api.say(draining(3, 3))
		n.settle(t)
		key := ipvs.ServiceKey{Address: vipPrefix.Addr(), Port: 8080, Protocol: ipvs.TCP}
		k.SetConnections(key, netip.MustParseAddrPort("192.0.2.12:8080"), ipvs.Connections{Active: 1})
		n.api.say(draining(3, 0))
		n.settle(t)
		n.api.say(draining(3))
		n.settle(t)
		k.TakeApplied()
		again := newNode(t, k, dir)
		again.api.say(draining(3))
		again.later(t, time.Minute)
		expect(t, "operations after a restart", again.operations(), "")
	})
}

func TestASettingThatTheKernelLacksIsAProblem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		n.kernel.Lack("net.ipv4.vs.conn_reuse_mode")
		n.api.say(view(3, 3))
		n.later(t, 6*time.Second)
		problems := n.api.status.Problems
		if len(problems) != 1 || problems[0].DirectorGroup != "edge" || !strings.Contains(problems[0].Message, "conn_reuse_mode") {
			t.Errorf("problems: %+v", problems)
		}
	})
}

// fullDisk takes no checkpoint while it is full.
type fullDisk struct {
	Checkpoints
	full bool
}

func (f *fullDisk) Save(change checkpoint.Change) error {
	if f.full {
		return errors.New("no space left on device")
	}
	return f.Checkpoints.Save(change)
}

func TestAFullDiskIsAProblemUntilThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		disk := &fullDisk{Checkpoints: n.checkpoints, full: true}
		n.checkpoints = disk
		n.later(t, 6*time.Second)
		if problems := n.api.status.Problems; len(problems) != 1 || problems[0].Reason != v1alpha1.ProblemCheckpoint {
			t.Fatalf("problems: %+v", problems)
		}
		disk.full = false
		n.later(t, 6*time.Second)
		if problems := n.api.status.Problems; len(problems) != 0 {
			t.Errorf("when there is room again: %+v", problems)
		}
	})
}
