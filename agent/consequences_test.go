// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/kernel/kerneltest"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// viewThat is view, with what follows from health.
func viewThat(change func(*v1alpha1.CompiledService), weights ...int32) world {
	w := view(weights...)
	change(&w.Services[0].Spec.Services[0])
	return w
}

// activeWith is a director that serves what it is told.
func activeWith(t *testing.T, k *kerneltest.Kernel, dir string, w world) *node {
	t.Helper()
	n := newNode(t, k, dir)
	n.api.say(w)
	n.settle(t)
	n.started[0].become(vrrp.Active)
	n.settle(t)
	n.kernel.TakeApplied()
	return n
}

func apologizes(s *v1alpha1.CompiledService) {
	s.Quorum.Weight = 4
	s.SorryServer = &v1alpha1.CompiledRealServer{Address: "192.0.2.99", Weight: 1}
	s.DrainSeconds = 60
}

const (
	sorryIn    = "ipvsadm -e -t 198.51.100.10:8080 -r 192.0.2.12:8080 -g -w 0\nipvsadm -a -t 198.51.100.10:8080 -r 192.0.2.99:8080 -g -w 1\nipvsadm -d -t 198.51.100.10:8080 -r 192.0.2.11:8080"
	firstDead  = "192.0.2.11:8080"
	secondDead = "192.0.2.12:8080"
)

func (n *node) expectConsequence(t *testing.T, when string, healthy int32, want v1alpha1.Consequence) {
	t.Helper()
	degraded := n.api.status.DirectorGroups[0].Degraded
	if len(degraded) != 1 || degraded[0].Healthy != healthy || degraded[0].Consequence != want {
		t.Errorf("%s: reported %+v; want %d healthy, %q", when, degraded, healthy, want)
	}
}

func TestSorryServerServesWhileTheQuorumIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := activeWith(t, kerneltest.New("eth0"), t.TempDir(), viewThat(apologizes, 3, 3))
		n.servers.set(firstDead, true)
		n.later(t, 30*time.Second)
		expect(t, "without quorum", n.operations(), sorryIn)
		n.expectConsequence(t, "without quorum", 1, v1alpha1.ConsequenceSorryServer)
		n.servers.set(firstDead, false)
		n.later(t, 7*time.Second)
		expect(t, "with the quorum again", n.operations(), "ipvsadm -a -t 198.51.100.10:8080 -r 192.0.2.11:8080 -g -w 3\n"+
			"ipvsadm -e -t 198.51.100.10:8080 -r 192.0.2.12:8080 -g -w 3\nipvsadm -e -t 198.51.100.10:8080 -r 192.0.2.99:8080 -g -w 0")
		if degraded := n.api.status.DirectorGroups[0].Degraded; len(degraded) != 0 {
			t.Errorf("reported %+v", degraded)
		}
		n.later(t, 60*time.Second)
		expect(t, "when the sorry server's connections have had their time", n.operations(), "ipvsadm -d -t 198.51.100.10:8080 -r 192.0.2.99:8080")
	})
}

func TestAgentThatIsKilledWhileTheSorryServerServesChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, dir := kerneltest.New("eth0"), t.TempDir()
		n := activeWith(t, k, dir, viewThat(apologizes, 3, 3))
		n.servers.set(firstDead, true)
		n.later(t, 30*time.Second)
		n.kernel.TakeApplied()

		after := newNode(t, k, dir)
		after.servers.set(firstDead, true)
		after.servers.takes(firstDead, 3*time.Second)
		after.servers.takes(secondDead, 2*time.Second)
		after.settle(t)
		after.later(t, 30*time.Second)
		expect(t, "after the start", after.operations(), "")
	})
}

func TestInhibitedRealServersStayInhibitedWhenTheAgentIsStartedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, dir := kerneltest.New("eth0"), t.TempDir()
		n := activeWith(t, k, dir, viewThat(func(s *v1alpha1.CompiledService) { s.InhibitOnFailure = true }, 3, 3))
		n.servers.set(firstDead, true)
		n.later(t, 30*time.Second)
		expect(t, "when it fails", n.operations(), "ipvsadm -e -t 198.51.100.10:8080 -r 192.0.2.11:8080 -g -w 0")

		after := newNode(t, k, dir)
		after.servers.set(firstDead, true)
		after.settle(t)
		after.later(t, 30*time.Second)
		expect(t, "after the start", after.operations(), "")
		after.servers.set(firstDead, false)
		after.later(t, 7*time.Second)
		expect(t, "when it is up again", after.operations(), "ipvsadm -e -t 198.51.100.10:8080 -r 192.0.2.11:8080 -g -w 3")
	})
}

func TestVirtualIPGoesWithTheQuorumAndComesBackWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := activeWith(t, kerneltest.New("eth0"), t.TempDir(), viewThat(func(s *v1alpha1.CompiledService) {
			s.Quorum = v1alpha1.CompiledQuorum{Weight: 4, WithdrawAddress: true}
		}, 3, 3))
		n.servers.set(firstDead, true)
		n.later(t, 22*time.Second)
		expect(t, "without quorum", n.operations(), "ip address del 198.51.100.10/32 dev eth0\nipvsadm -d -t 198.51.100.10:8080 -r 192.0.2.11:8080")
		n.expectConsequence(t, "without quorum", 1, v1alpha1.ConsequenceAddressWithdrawn)
		n.later(t, 6*time.Second)
		n.expectPriority(t, "so that one takes over who sees it otherwise", 25, v1alpha1.LoweredRealServersDown)
		n.servers.set(firstDead, false)
		n.later(t, 7*time.Second)
		expect(t, "with the quorum again", n.operations(), "ipvsadm -a -t 198.51.100.10:8080 -r 192.0.2.11:8080 -g -w 3\n"+vipUp)
		n.expectPriority(t, "with the quorum again", 100, "")
	})
}

func TestVirtualIPThatIsWithdrawnDoesNotComeWithTheRole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := activeWith(t, kerneltest.New("eth0"), t.TempDir(), viewThat(func(s *v1alpha1.CompiledService) {
			s.Quorum = v1alpha1.CompiledQuorum{Weight: 4, WithdrawAddress: true}
		}, 3, 3))
		n.servers.set(firstDead, true)
		n.later(t, 30*time.Second)
		n.started[0].become(vrrp.Backup)
		n.later(t, 5*time.Second)
		n.operations()
		n.started[0].become(vrrp.Active)
		n.later(t, 5*time.Second)
		expect(t, "as Active again", n.operations(), "")
	})
}

func TestWhenTheChecksAreNotBelievedAllServeAndAnotherDirectorMayTakeOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, dir := kerneltest.New("eth0"), t.TempDir()
		n := activeWith(t, k, dir, viewThat(func(s *v1alpha1.CompiledService) { s.PanicThreshold = 50 }, 3, 3))
		n.servers.set(firstDead, true)
		n.later(t, 30*time.Second)
		expect(t, "with half of them", n.operations(), "ipvsadm -d -t 198.51.100.10:8080 -r 192.0.2.11:8080")
		n.expectPriority(t, "with half of them", 100, "")
		n.servers.set(secondDead, true)
		n.later(t, 30*time.Second)
		expect(t, "with none", n.operations(), "ipvsadm -a -t 198.51.100.10:8080 -r 192.0.2.11:8080 -g -w 3")
		n.expectConsequence(t, "with none", 0, v1alpha1.ConsequenceSendsToAll)
		n.expectPriority(t, "with none", 25, v1alpha1.LoweredRealServersDown)

		after := newNode(t, k, dir)
		after.servers.set(firstDead, true)
		after.servers.set(secondDead, true)
		after.settle(t)
		after.later(t, 60*time.Second)
		expect(t, "after a start", after.operations(), "")
	})
}

func TestRealServersThatHangAtTheStartAreWaitedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		w := viewThat(func(s *v1alpha1.CompiledService) { s.PanicThreshold = 100 }, 3, 3, 3)
		n.servers.takes(firstDead, time.Hour)
		n.api.say(w)
		n.settle(t)
		n.later(t, 12*time.Second)
		if got := n.operations(); strings.Count(got, "ipvsadm -a -t") != 3 {
			t.Fatalf("after the wait:\n%s", got)
		}
		n.servers.set(secondDead, true) // something changes, while the first one is still not checked
		n.later(t, 40*time.Second)
		expect(t, "later", n.operations(), "")
	})
}

func TestWeightGrowsStepByStepWithoutAnythingElseHappening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := activeWith(t, kerneltest.New("eth0"), t.TempDir(), viewThat(func(s *v1alpha1.CompiledService) { s.SlowStartSeconds = 4 }, 100, 100))
		n.servers.set(firstDead, true)
		n.later(t, 30*time.Second)
		n.operations()
		n.servers.set(firstDead, false)
		n.later(t, 6*time.Second)
		var weights []string
		for range 6 {
			for line := range strings.Lines(n.operations()) {
				weights = append(weights, line[strings.LastIndex(line, " ")+1:])
			}
			// Nothing but the time of the next step wakes the agent.
			time.Sleep(min(time.Until(n.nextPass()), time.Second))
			n.pass(t.Context(), time.Now())
		}
		if got, want := strings.Join(weights, " "), "1 25 50 75 100"; strings.ReplaceAll(got, "\n", "") != want {
			t.Errorf("weights %s, want %s", got, want)
		}
	})
}

func TestWeightComesFromTheAnswerOfTheRealServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, dir := kerneltest.New("eth0"), t.TempDir()
		w := view(3, 3)
		w.RealServers[0].Spec.HealthCheck.TCP = nil
		w.RealServers[0].Spec.HealthCheck.HTTP = &v1alpha1.CompiledHTTPCheck{Method: "GET", Path: "/", WeightFrom: &v1alpha1.HTTPWeight{Header: "X-Weight"}}
		n := activeWith(t, k, dir, w)
		set := func(weight uint32) string {
			return fmt.Sprintf("ipvsadm -e -t 198.51.100.10:8080 -r 192.0.2.11:8080 -g -w %d", weight)
		}
		n.servers.weigh(check.Weight{Given: true, Value: 40})
		n.later(t, 7*time.Second)
		expect(t, "with 40", n.operations(), set(40))
		n.servers.weigh(check.Weight{Given: true})
		n.later(t, 7*time.Second)
		expect(t, "with 0", n.operations(), set(0))

		after := newNode(t, k, dir)
		after.servers.weigh(check.Weight{Given: true})
		after.servers.takes(firstDead, 2*time.Second)
		after.settle(t)
		after.later(t, 7*time.Second)
		expect(t, "after a start", after.operations(), "")
		after.servers.weigh(check.Weight{})
		after.later(t, 7*time.Second)
		expect(t, "without one", after.operations(), set(3))
	})
}

// A real server that flaps a hundred times: no other service is touched, and the API server is not written to at each flap.
func TestFlappingRealServerConcernsItsServiceAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := view(3, 3)
		others := &w.Services[0].Spec
		for i := range 20 {
			other := others.Services[0]
			other.ID, other.Port = fmt.Sprintf("web/other-%d/http", i), int32(9000+i)
			others.Services = append(others.Services, other)
		}
		fast := &w.RealServers[0].Spec.HealthCheck
		(*fast).Port, (*fast).Retries, (*fast).Interval.Duration = 0, 0, time.Second
		n := activeWith(t, kerneltest.New("eth0"), t.TempDir(), w)
		for range 100 {
			n.servers.set(firstDead, true)
			n.later(t, 2*time.Second)
			n.servers.set(firstDead, false)
			n.later(t, 2*time.Second)
		}
		lines := strings.Split(n.operations(), "\n")
		if len(lines) != 200 {
			t.Errorf("%d operations, want 200: out and in again a hundred times", len(lines))
		}
		for _, line := range lines {
			if !strings.Contains(line, "-t 198.51.100.10:8080 -r 192.0.2.11:8080") {
				t.Fatalf("another one was touched: %s", line)
			}
		}
	})
}

func TestRealServerMoreDoesNotTakeTheOthersOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, dir := kerneltest.New("eth0"), t.TempDir()
		panics := func(s *v1alpha1.CompiledService) { s.PanicThreshold = 50 }
		n := activeWith(t, k, dir, viewThat(panics, 3, 3))
		n.servers.set(firstDead, true)
		n.servers.set(secondDead, true)
		n.later(t, 90*time.Second)
		n.operations()
		n.servers.takes("192.0.2.13:8080", 9*time.Second)
		n.servers.set("192.0.2.13:8080", true)
		n.api.say(viewThat(panics, 3, 3, 3))
		n.settle(t)
		n.later(t, 5*time.Second)
		expect(t, "with a real server more, which is not checked yet", n.operations(), "")
	})
}

func TestInhibitedRealServerThatComesBackWhileItDrainsIsCheckedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, dir := kerneltest.New("eth0"), t.TempDir()
		inhibits := func(s *v1alpha1.CompiledService) { s.InhibitOnFailure, s.DrainSeconds = true, 300 }
		n := activeWith(t, k, dir, viewThat(inhibits, 3, 3))
		n.servers.set(secondDead, true)
		n.later(t, 90*time.Second)
		n.operations()
		k.SetConnections(ipvs.ServiceKey{Address: netip.MustParseAddr("198.51.100.10"), Port: 8080, Protocol: ipvs.TCP}, netip.MustParseAddrPort(secondDead), ipvs.Connections{Active: 1})
		n.api.say(viewThat(inhibits, 3))
		n.settle(t)
		n.later(t, 10*time.Second)
		n.servers.takes(secondDead, 9*time.Second)
		n.api.say(viewThat(inhibits, 3, 3))
		n.settle(t)
		expect(t, "the dead one is listed again", n.operations(), "")
	})
}

func TestRealServersOfANewDirectorHaveTheirWholeWeight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		n.api.say(viewThat(func(s *v1alpha1.CompiledService) { s.SlowStartSeconds = 600 }, 1, 100))
		n.settle(t)
		n.later(t, 12*time.Second)
		if got := n.operations(); !strings.Contains(got, "-r 192.0.2.12:8080 -g -w 100") || strings.Contains(got, "ipvsadm -e") {
			t.Errorf("they were never down:\n%s", got)
		}
	})
}

func TestManyVirtualIPsAreWithdrawnInProportion(t *testing.T) {
	a := &Agent{memory: newMemory(), routers: &routers{withdrawn: map[netip.Addr]int{}}, wake: make(chan struct{}, 1)}
	key := func(i int, port uint16) ipvs.ServiceKey {
		return ipvs.ServiceKey{Address: netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), Port: port, Protocol: ipvs.TCP}
	}
	for i := range 10000 {
		a.withdraw(key(i, 80))
		a.withdraw(key(i, 80)) // once is enough
		a.withdraw(key(i, 443))
	}
	for i := range 10000 {
		a.offer(key(i, 80))
	}
	if len(a.routers.withdrawn) != 10000 {
		t.Errorf("%d virtual IPs are withdrawn, want all: another service of each asks for it", len(a.routers.withdrawn))
	}
	for i := range 10000 {
		a.offer(key(i, 443))
	}
	if len(a.routers.withdrawn)+len(a.withdrawn) != 0 {
		t.Errorf("%d virtual IPs are withdrawn, want none", len(a.routers.withdrawn))
	}
}
