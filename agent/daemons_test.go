// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/kernel/kerneltest"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// synced is view with connection sync.
func synced() world {
	w := view(3, 3)
	w.Node.Spec.DirectorGroups[0].ConnectionSync = &v1alpha1.CompiledConnectionSync{
		SyncID: 66, Interface: "eth0", Group: "224.0.0.81", Port: 8848, TTL: 1,
	}
	return w
}

func TestSyncDaemonsOutliveTheAgentAndGoWhenTheyAreNotWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, dir := kerneltest.New("eth0"), t.TempDir()
		before := newNode(t, k, dir)
		before.api.say(view(3, 3))
		before.settle(t)
		k.TakeApplied()
		before.api.say(synced())
		before.settle(t)
		expect(t, "when the group gets connection sync", before.operations(),
			"ipvsadm --start-daemon master --mcast-interface eth0 --syncid 66 --mcast-group 224.0.0.81 --mcast-port 8848 --mcast-ttl 1\n"+
				"ipvsadm --start-daemon backup --mcast-interface eth0 --syncid 66 --mcast-group 224.0.0.81 --mcast-port 8848 --mcast-ttl 1")

		after := newNode(t, k, dir)
		after.settle(t)
		after.api.say(synced())
		after.later(t, time.Minute)
		expect(t, "after a restart of the agent", after.operations(), "")
		after.api.say(view(3, 3))
		after.settle(t)
		expect(t, "when the group loses connection sync", after.operations(), "ipvsadm --stop-daemon master\nipvsadm --stop-daemon backup")
	})
}

func TestASyncDaemonOfSomebodyElseIsAProblemAndStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := kerneltest.New("eth0")
		k.Preset(nil, plan.Actual{Daemons: []ipvs.Daemon{{State: ipvs.Backup, Interface: "eth0", ID: 9}}})
		n := newNode(t, k, t.TempDir())
		n.api.say(synced())
		n.later(t, 6*time.Second)
		if strings.Contains(n.operations(), "stop-daemon") {
			t.Error("a sync daemon of somebody else was stopped")
		}
		problems := n.api.status.Problems
		if len(problems) != 1 || problems[0].DirectorGroup != "edge" || !strings.Contains(problems[0].Message, "ipvsadm --stop-daemon backup") {
			t.Errorf("problems: %+v", problems)
		}
	})
}

func TestASyncDaemonOnAnAbsentInterfaceIsAProblemThatNamesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		w := synced()
		w.Node.Spec.DirectorGroups[0].ConnectionSync.Interface = "eth9"
		n.api.say(w)
		n.later(t, 6*time.Second)
		problems := n.api.status.Problems
		if len(problems) == 0 || problems[0].DirectorGroup != "edge" || !strings.Contains(problems[0].Message, "eth9") {
			t.Errorf("problems: %+v", problems)
		}
	})
}
