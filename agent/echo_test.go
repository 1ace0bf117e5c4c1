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

// looping is a Backup whose loop runs; changes are what its kernel tells of.
func looping(t *testing.T, changes <-chan struct{}) *node {
	t.Helper()
	n := newNode(t, kerneltest.New("eth0"), t.TempDir())
	n.api.say(view(3, 3))
	go n.loop(t.Context(), changes)
	time.Sleep(12 * time.Second) // past the first checks, and three seconds from the next audit
	synctest.Wait()
	return n
}

func TestWhatTheKernelTellsOfWaitsAMomentAndIsOnePass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		changes := make(chan struct{})
		n := looping(t, changes)
		n.started[0].become(vrrp.Active)
		time.Sleep(time.Second)
		n.kernel.Apply(t.Context(), []plan.Operation{&plan.DeleteAddress{Interface: "eth0", Prefix: vipPrefix}})
		n.kernel.TakeApplied()
		before := counter(t, n, "lvs_agent_passes_total")
		for range 10 {
			changes <- struct{}{}
			time.Sleep(echoDelay/10 - time.Nanosecond)
		}
		synctest.Wait()
		if passes := counter(t, n, "lvs_agent_passes_total") - before; passes != 0 {
			t.Errorf("%v passes before the time has come", passes)
		}
		time.Sleep(10 * time.Nanosecond)
		synctest.Wait()
		if passes := counter(t, n, "lvs_agent_passes_total") - before; passes != 1 {
			t.Errorf("%v passes, want 1", passes)
		}
		expect(t, "operations", n.operations(), vipUp)
	})
}

func TestThePassAfterATakeoverWaitsForTheClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := looping(t, nil)
		passes, reads := counter(t, n, "lvs_agent_passes_total"), n.kernel.Reads()
		n.started[0].become(vrrp.Active)
		time.Sleep(echoDelay - 1)
		synctest.Wait()
		if more := counter(t, n, "lvs_agent_passes_total") - passes; more != 0 {
			t.Errorf("%v passes at once", more)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if n.kernel.Reads() == reads {
			t.Error("the node was not read")
		}
		if state := n.api.status.DirectorGroups[0].VirtualRouters[0].State; state != "Active" {
			t.Errorf("reported as %s after the pass", state)
		}
	})
}
