// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/kernel/kerneltest"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

const bothByAddress = `ipvsadm -a -t 198.51.100.10:8080 -r 192.0.2.11:8080 -g -w 3
ipvsadm -a -t 198.51.100.10:8080 -r 192.0.2.12:8080 -g -w 3`

// slowFirst is a director of a service with that scheduler, whose first real server takes a while to answer its checks.
func slowFirst(t *testing.T, scheduler string, slow time.Duration) *node {
	t.Helper()
	n := newNode(t, kerneltest.New("eth0"), t.TempDir())
	n.servers.takes("192.0.2.11:8080", slow)
	said := view(3, 3)
	said.Services[0].Spec.Services[0].Scheduler = v1alpha1.Scheduler(scheduler)
	n.api.say(said)
	n.settle(t)
	return n
}

// The first answers come in an order of their own on each director.
func TestWhereTheOrderCountsRealServersComeTogetherAndByAddress(t *testing.T) {
	for _, scheduler := range []string{"sh", "mh", "dh"} {
		t.Run(scheduler, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := slowFirst(t, scheduler, 2*time.Second)
				expect(t, "before the slow one answered", n.operations(), settings+"\nipvsadm -A -t 198.51.100.10:8080 -s "+scheduler)
				n.later(t, 3*time.Second)
				expect(t, "after it", n.operations(), bothByAddress)
			})
		})
	}
	t.Run("wrr in a new group", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := slowFirst(t, "wrr", 2*time.Second)
			expect(t, "before the slow one answered", n.operations(), settings+"\n"+added)
			n.later(t, 3*time.Second)
			expect(t, "after it", n.operations(), bothByAddress)
		})
	})
	t.Run("wrr in a group that serves waits for nobody", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := active(t)
			n.later(t, warmBound)
			n.servers.takes("192.0.2.11:8080", 2*time.Second)
			empty := view(3, 3)
			empty.Services[0].Spec.Services = nil
			n.api.say(empty)
			n.settle(t)
			n.kernel.TakeApplied()
			n.api.say(view(3, 3))
			n.settle(t)
			expect(t, "before the slow one answered", n.operations(), added+"\nipvsadm -a -t 198.51.100.10:8080 -r 192.0.2.12:8080 -g -w 3")
		})
	})
}

func TestARealServerThatNeverAnswersHoldsTheOthersUpForABoundedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := slowFirst(t, "dh", time.Hour)
		n.later(t, warmBound-time.Second)
		expect(t, "before the bound", n.operations(), settings+"\nipvsadm -A -t 198.51.100.10:8080 -s dh")
		n.later(t, 2*time.Second)
		expect(t, "after it", n.operations(), "ipvsadm -a -t 198.51.100.10:8080 -r 192.0.2.12:8080 -g -w 3")
	})
}
