// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/kernel/kerneltest"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// What followed from health stays with a new agent, whatever its checks say at first.

func TestHysteresisOutlivesTheAgentBesideASorryServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, dir := kerneltest.New("eth0"), t.TempDir()
		w := viewThat(func(s *v1alpha1.CompiledService) {
			apologizes(s)
			s.Quorum.Weight, s.Quorum.Hysteresis = 5, 3
		}, 3, 3)
		n := activeWith(t, k, dir, w)
		n.servers.set(firstDead, true)
		n.later(t, 30*time.Second)
		expect(t, "3 >= 5-3: held", n.operations(), "ipvsadm -d -t 198.51.100.10:8080 -r 192.0.2.11:8080")
		after := newNode(t, k, dir)
		after.servers.set(firstDead, true)
		after.settle(t)
		after.later(t, 30*time.Second)
		expect(t, "after the start", after.operations(), "")
	})
}

func TestHysteresisOutlivesTheAgentBesideAWithdrawal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, dir := kerneltest.New("eth0"), t.TempDir()
		w := viewThat(func(s *v1alpha1.CompiledService) {
			s.Quorum = v1alpha1.CompiledQuorum{Weight: 5, Hysteresis: 3, WithdrawAddress: true}
		}, 3, 3)
		n := activeWith(t, k, dir, w)
		n.servers.set(firstDead, true)
		n.later(t, 30*time.Second)
		n.operations()
		after := newNode(t, k, dir)
		after.servers.set(firstDead, true)
		after.settle(t)
		after.later(t, 30*time.Second)
		expect(t, "after the start", after.operations(), "")
	})
}

func TestVirtualIPThatIsWithdrawnDoesNotComeWithANewAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, dir := kerneltest.New("eth0"), t.TempDir()
		w := viewThat(func(s *v1alpha1.CompiledService) {
			s.Quorum = v1alpha1.CompiledQuorum{Weight: 4, WithdrawAddress: true}
		}, 3, 3)
		w.Node.Spec.DirectorGroups[0].VirtualRouters[0].Addresses = []v1alpha1.IPAddress{"198.51.100.10", "198.51.100.11"}
		other := w.Services[0].Spec.Services[0]
		other.ID, other.Address, other.Quorum = "web/other/http", "198.51.100.11", v1alpha1.CompiledQuorum{Weight: 1}
		w.Services[0].Spec.Services = append(w.Services[0].Spec.Services, other)
		n := activeWith(t, k, dir, w)
		n.servers.set(firstDead, true)
		n.later(t, 30*time.Second)
		n.operations()
		after := newNode(t, k, dir)
		after.servers.set(firstDead, true)
		after.settle(t)
		after.later(t, 60*time.Second)
		expect(t, "after the start", after.operations(), "")
	})
}

func TestWeightThatGrowsGoesOnFromWhereItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, dir := kerneltest.New("eth0"), t.TempDir()
		w := viewThat(func(s *v1alpha1.CompiledService) { s.SlowStartSeconds = 100 }, 100, 100)
		n := activeWith(t, k, dir, w)
		n.servers.set(firstDead, true)
		n.later(t, 30*time.Second)
		n.servers.set(firstDead, false)
		n.later(t, 17*time.Second)
		n.operations()
		after := newNode(t, k, dir)
		after.settle(t)
		expect(t, "after the start", after.operations(), "")
	})
}

func TestSorryServerThatIsADeadRealServerIsNotTakenForAHealthyOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, dir := kerneltest.New("eth0"), t.TempDir()
		w := viewThat(func(s *v1alpha1.CompiledService) {
			s.Quorum.Weight = 1
			s.SorryServer = &v1alpha1.CompiledRealServer{Address: "192.0.2.12", Weight: 1}
		}, 3, 3)
		n := activeWith(t, k, dir, w)
		n.servers.set(firstDead, true)
		n.servers.set(secondDead, true)
		n.later(t, 60*time.Second)
		n.operations()
		after := newNode(t, k, dir)
		after.servers.set(firstDead, true)
		after.servers.set(secondDead, true)
		after.settle(t)
		after.later(t, 60*time.Second)
		expect(t, "after the start", after.operations(), "")
	})
}

func TestConnectionsGoToAllWithANewAgentToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, dir := kerneltest.New("eth0"), t.TempDir()
		w := viewThat(func(s *v1alpha1.CompiledService) { s.PanicThreshold = 50 }, 3, 3, 3, 3)
		dead := func(n *node) {
			for i := range 4 {
				a := fmt.Sprintf("192.0.2.%d:8080", 11+i)
				n.servers.set(a, true)
				n.servers.takes(a, time.Duration(i)*time.Second)
			}
		}
		n := activeWith(t, k, dir, w)
		dead(n)
		n.later(t, 90*time.Second)
		n.operations()
		after := newNode(t, k, dir)
		dead(after)
		after.settle(t)
		after.later(t, 90*time.Second)
		expect(t, "after the start", after.operations(), "")
	})
}
