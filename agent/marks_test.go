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
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// caches is a director's view with one service by firewall mark for all web traffic that passes through.
func caches() world {
	w := view(3, 3)
	w.Node.Spec.DirectorGroups[0].MarkRanges = []v1alpha1.MarkRange{{First: 100, Last: 199}}
	w.Services[0].Spec.Services = []v1alpha1.CompiledService{{
		ID: "web/caches/mark", Generation: 1, Family: v1alpha1.FamilyIPv4, Mark: 100, Scheduler: "lblc", ForwardingMethod: v1alpha1.DirectRouting,
		Match: []v1alpha1.CompiledMatch{{
			Addresses: []v1alpha1.CIDR{"0.0.0.0/0"}, Protocol: "TCP", Ports: []v1alpha1.CompiledPortRange{{First: 80, Last: 80}},
		}},
		Pool: v1alpha1.PoolSet{Namespace: "web", Name: "tomcat", Slices: 1, Hash: v1alpha1.SetHash([]string{"edge-rs-0"})},
	}}
	w.RealServers[0].Spec.HealthCheck = nil
	return w
}

const marked = `ip route add local 0.0.0.0/0 dev lo table 7676 proto 76
ip rule add from 0.0.0.0/0 fwmark 100 lookup 7676 priority 7676 protocol 76
nft: 1 rules in our table`

func TestMarksComeAfterTheirServiceAndGoBeforeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		n.api.say(caches())
		n.settle(t)
		expect(t, "operations", n.operations(), settings+`
ipvsadm -A -f 100 -s lblc
ipvsadm -a -f 100 -r 192.0.2.11:0 -g -w 3
ipvsadm -a -f 100 -r 192.0.2.12:0 -g -w 3
`+marked)
		gone := caches()
		gone.Services[0].Spec.Services = nil
		n.api.say(gone)
		n.settle(t)
		const unmarked = `nft: 0 rules in our table
ip rule del from 0.0.0.0/0 fwmark 100 lookup 7676 priority 7676 protocol 76
ip route del local 0.0.0.0/0 dev lo table 7676 proto 76
ipvsadm -D -f 100`
		if got := n.operations(); !strings.HasPrefix(got, unmarked) {
			t.Errorf("operations:\n%s\nwant first:\n%s", got, unmarked)
		}
	})
}

func TestAServiceByMarkIsNotReportedAsProgrammedBeforeItsMarksAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		n.api.say(caches())
		applied := func() bool {
			groups := n.api.status.DirectorGroups
			return len(groups) > 0 && groups[0].Applied["edge-svc-0"] == 3
		}
		var done string
		for passes := 0; !applied(); passes++ {
			if passes > 10 {
				t.Fatal("never reported as programmed")
			}
			if len(n.started) > 0 && !strings.Contains(done, marked) {
				t.Fatalf("VRRP may win without the marks, after:\n%s", done)
			}
			n.pass(t.Context(), time.Now())
			n.reportWhenDue(time.Now())
			done += n.operations() + "\n"
			time.Sleep(time.Second)
		}
		if !strings.Contains(done, marked) {
			t.Errorf("reported as programmed after no more than:\n%s", done)
		}
	})
}

func TestWithoutItsServiceAMarkTakesNoPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		n.kernel.Refuse(kerneltest.Every[*plan.AddService](errors.New("load the module ip_vs_lblc")))
		n.api.say(caches())
		n.later(t, 12*time.Second)
		if got := n.operations(); strings.Contains(got, "nft") || strings.Contains(got, "ip rule") {
			t.Errorf("operations:\n%s", got)
		}
		n.kernel.Refuse(nil)
		n.later(t, 6*time.Second)
		if got := n.operations(); !strings.HasSuffix(got, marked) {
			t.Errorf("after the module was loaded:\n%s", got)
		}
		if len(n.api.status.Problems) != 0 {
			t.Errorf("problems: %+v", n.api.status.Problems)
		}
	})
}

func TestMarksThatTheKernelRefusesAreAProblemOfTheirService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		n.kernel.Refuse(kerneltest.Every[*plan.SetMarks](errors.New("load the module nft_fib_inet")))
		n.api.say(caches())
		n.later(t, 6*time.Second)
		problems := n.api.status.Problems
		if len(problems) != 1 || problems[0].Service != "web/caches/mark" || problems[0].DirectorGroup != "edge" {
			t.Errorf("problems: %+v", problems)
		}
	})
}

func TestAnAgentThatStartsWhileTheTableCannotBeReadLeavesMarksAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, dir := kerneltest.New("eth0"), t.TempDir()
		before := newNode(t, k, dir)
		before.api.say(caches())
		before.settle(t)
		k.TakeApplied()
		k.FailTables(errors.New("no buffer space available"))
		after := newNode(t, k, dir)
		after.later(t, 12*time.Second)
		expect(t, "operations", after.operations(), "")
		k.FailTables(nil)
		after.later(t, 6*time.Second)
		expect(t, "operations when it can be read", after.operations(), "")
	})
}
