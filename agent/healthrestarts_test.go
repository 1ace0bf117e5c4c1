// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/checkpoint"
	"github.com/lvs-operator/lvs-operator/agent/kernel/kerneltest"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// What followed from health stays with a new agent, whatever its checks say at first.

// expectNothingAnew starts an agent again, with some real servers dead, and expects that it changes nothing for that long.
func expectNothingAnew(t *testing.T, k *kerneltest.Kernel, dir string, during time.Duration, dead ...string) {
	t.Helper()
	after := newNode(t, k, dir)
	for _, realServer := range dead {
		after.servers.set(realServer, true)
	}
	after.settle(t)
	after.later(t, during)
	expect(t, "after the start", after.operations(), "")
}

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
		expectNothingAnew(t, k, dir, 30*time.Second, firstDead)
	})
}

func TestHysteresisThatCameWhileTheQuorumWasThereOutlivesTheAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, dir := kerneltest.New("eth0"), t.TempDir()
		needs5 := func(s *v1alpha1.CompiledService) {
			apologizes(s)
			s.Quorum.Weight = 5
		}
		n := activeWith(t, k, dir, viewThat(needs5, 3, 3))
		n.api.say(viewThat(func(s *v1alpha1.CompiledService) {
			needs5(s)
			s.Quorum.Hysteresis = 3
		}, 3, 3))
		n.settle(t)
		n.servers.set(firstDead, true)
		n.later(t, 30*time.Second)
		expect(t, "3 >= 5-3: held", n.operations(), "ipvsadm -d -t 198.51.100.10:8080 -r 192.0.2.11:8080")
		expectNothingAnew(t, k, dir, 30*time.Second, firstDead)
	})
}

func TestNothingIsKeptOfAServiceThatWentWhileTheAgentWasAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, dir := kerneltest.New("eth0"), t.TempDir()
		n := activeWith(t, k, dir, viewThat(apologizes, 3, 3))
		n.servers.set(firstDead, true)
		n.later(t, 30*time.Second)
		if kept := keptStandings(t, dir); len(kept) != 1 {
			t.Fatalf("kept while the quorum is lost: %v", kept)
		}
		w := view()
		w.Services[0].Spec.Services = nil
		after := newNode(t, k, dir)
		after.api.say(w)
		after.settle(t)
		if kept := keptStandings(t, dir); len(kept) != 0 {
			t.Errorf("still kept: %v", kept)
		}
	})
}

// keptStandings is what the checkpoint has of how services stood.
func keptStandings(t *testing.T, dir string) checkpoint.Standings {
	t.Helper()
	store, saved, err := checkpoint.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return saved.Standings
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
		expectNothingAnew(t, k, dir, 30*time.Second, firstDead)
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
		expectNothingAnew(t, k, dir, 60*time.Second, firstDead)
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
		expectNothingAnew(t, k, dir, 60*time.Second, firstDead, secondDead)
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
