// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/agent/kernel/kerneltest"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// masquerading is view with real servers behind NAT, which drain for five minutes when they are removed.
func masquerading(weights ...int32) world {
	w := view(weights...)
	service := &w.Services[0].Spec.Services[0]
	service.ForwardingMethod, service.DrainSeconds = v1alpha1.NAT, 300
	return w
}

// backup is a director whose router runs and follows another one.
func backup(t *testing.T) *node {
	t.Helper()
	n := newNode(t, kerneltest.New("eth0"), t.TempDir())
	n.api.say(view(3, 3))
	n.settle(t)
	n.kernel.TakeApplied()
	return n
}

func TestADirectorThatWinsHasItsAddressesBeforeAnyPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := backup(t)
		n.started[0].become(vrrp.Active)
		synctest.Wait()
		expect(t, "before a pass", n.operations(), vipUp)
		if n.started[0].announced != 1 {
			t.Errorf("announced %d times, want once", n.started[0].announced)
		}
		n.settle(t)
		expect(t, "by the pass that follows", n.operations(), "")
		if n.started[0].announced != 1 {
			t.Errorf("announced %d times after a pass, want once", n.started[0].announced)
		}
	})
}

// It costs a client the time of two threads to wake otherwise. Many addresses, or those of many routers, would keep the router's thread
// from its advertisements.
func TestFewAddressesComeFromTheRoutersOwnThreadAndManyDoNot(t *testing.T) {
	for name, many := range map[string]int{"few": fewAddresses, "many": fewAddresses + 1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNode(t, kerneltest.New("eth0"), t.TempDir())
				w := view(3, 3)
				router := &w.Node.Spec.DirectorGroups[0].VirtualRouters[0]
				for i := len(router.Addresses); i < many; i++ {
					router.Addresses = append(router.Addresses, v1alpha1.IPAddress(netip.AddrFrom4([4]byte{198, 51, 100, byte(100 + i)}).String()))
				}
				n.api.say(w)
				n.settle(t)
				n.kernel.TakeApplied()
				n.started[0].become(vrrp.Active)
				here := n.started[0].atOnce
				synctest.Wait()
				all := strings.Count(n.operations(), "ip address add")
				if want := map[string]int{"few": many}[name]; here != want || all != many || n.started[0].announced != 1 {
					t.Errorf("%d addresses come from the thread, want %d; %d in all, want %d; announced %d times", here, want, all, many, n.started[0].announced)
				}
				n.settle(t)
				expect(t, "by the pass that follows", n.operations(), "")
			})
		})
	}
}

func TestAnAddressWithoutItsServicesDoesNotComeWithThoseThatAreReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := backup(t)
		more := view(3, 3)
		more.Node.Generation++
		router := &more.Node.Spec.DirectorGroups[0].VirtualRouters[0]
		router.Addresses = append(router.Addresses, "198.51.100.20")
		n.api.say(more)
		n.takeView(t.Context(), n.audited)
		n.routers.adopt(n.desired.Node(), n.audited)
		n.started[0].become(vrrp.Active)
		synctest.Wait()
		expect(t, "before the pass that sees to the new address's services", n.operations(), "")
		n.settle(t)
		if got := len(n.actual.Addresses); got != 2 {
			t.Errorf("%d addresses after the pass, want both", got)
		}
	})
}

func TestAnAddressThatTheKernelRefusesAtFirstComesWithThePass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := backup(t)
		n.kernel.Refuse(func(plan.Operation) error { return errors.New("no memory") })
		n.started[0].become(vrrp.Active)
		synctest.Wait()
		n.kernel.Refuse(nil)
		if n.started[0].announced != 0 {
			t.Error("announced what is not there")
		}
		n.settle(t)
		expect(t, "by the pass", n.operations(), vipUp)
		if n.started[0].announced != 1 {
			t.Errorf("announced %d times, want once", n.started[0].announced)
		}
	})
}

func TestADirectorThatHasYieldedAgainAddsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := backup(t)
		n.started[0].state, n.started[0].predecessor = vrrp.Backup, other
		n.started[0].hear(vrrp.Active) // heard late: the router is Backup again
		synctest.Wait()
		expect(t, "operations", n.operations(), "")
	})
}

func TestADirectorThatTakesOverFromALivingOneSendsThatOneWhatItDoesNotKnow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		n.api.say(masquerading(3, 3))
		n.settle(t)
		if !n.kernel.HasHoldTable() {
			t.Error("the kernel is not prepared")
		}
		n.started[0].become(vrrp.Active)
		synctest.Wait()
		if held := n.kernel.TakeHolds(); len(held) != 0 {
			t.Errorf("nobody is there to send packets to, and held are %+v", held)
		}
		n.started[0].become(vrrp.Backup)
		n.settle(t)
		n.started[0].predecessor = other
		n.started[0].become(vrrp.Active)
		synctest.Wait()
		n.expectRelayed(t, "took over", other)
		n.started[0].stats.ActiveSource = third
		n.started[0].become(vrrp.Backup)
		synctest.Wait()
		n.expectRelayed(t, "yielded", third)
		n.started[0].predecessor = third
		n.started[0].become(vrrp.Active)
		n.settle(t)
		n.kernel.TakeHolds()
		n.started[0].stats.ActiveSource = other
		if err := n.handOver(); err != nil {
			t.Fatal(err)
		}
		n.expectRelayed(t, "stopped", other)
	})
}

// Both have had hosts: those that turn find a director that did not begin their connections.
func TestPacketsOfConnectionsOfTheOtherOneAreSentThereWhenThereWereTwo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		n.api.say(masquerading(3, 3))
		n.settle(t)
		n.started[0].silent = other
		n.started[0].become(vrrp.Active)
		synctest.Wait()
		n.expectRelayed(t, "took over from one that fell silent", other)
		n.started[0].events.Rival(third)
		synctest.Wait()
		n.expectRelayed(t, "has a rival", third)
		n.started[0].state = vrrp.Backup
		n.started[0].events.Rival(third)
		synctest.Wait()
		if held := n.kernel.TakeHolds(); len(held) != 0 {
			t.Errorf("a Backup has no rival, and held are %+v", held)
		}
	})
}

func TestARoleOfAMomentThatNoPassSawLeavesTheAddressForItsGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := backup(t)
		n.started[0].become(vrrp.Active)
		n.started[0].become(vrrp.Backup)
		n.settle(t)
		expect(t, "before the grace is over", n.operations(), vipUp)
		n.later(t, yieldGrace)
		expect(t, "after it", n.operations(), "ip address del 198.51.100.10/32 dev eth0")
		if drift := counter(t, n, "lvs_agent_drift_repairs_total"); drift != 0 {
			t.Errorf("%v changes by somebody else", drift)
		}
	})
}

func TestTheAnswersOfRealServersThatDrainAreSentOnToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		n.api.say(masquerading(3, 3))
		n.settle(t)
		n.kernel.SetConnections(ipvs.ServiceKey{Address: vipPrefix.Addr(), Port: 8080, Protocol: ipvs.TCP},
			netip.MustParseAddrPort("192.0.2.12:8080"), ipvs.Connections{Active: 1})
		n.api.say(masquerading(3))
		n.later(t, time.Minute)
		n.started[0].predecessor = other
		n.started[0].become(vrrp.Active)
		synctest.Wait()
		n.expectRelayed(t, "while one drains", other)
	})
}

var third = netip.MustParseAddr("198.51.100.3")

// expectRelayed says where the packets of unknown connections go since the last call.
func (n *node) expectRelayed(t *testing.T, when string, to netip.Addr) {
	t.Helper()
	want := []kernel.Held{{
		Virtual: []netip.Addr{vipPrefix.Addr()}, To: to, Interface: "eth0", Period: yieldGrace,
		Servers: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.11:8080"), netip.MustParseAddrPort("192.0.2.12:8080")},
	}}
	if diff := cmp.Diff(want, n.kernel.TakeHolds(), cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{})); diff != "" {
		t.Errorf("%s: %s", when, diff)
	}
}

func TestNothingWaitsForTheKernelToBePreparedForHoldingPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		n.kernel.SlowHolds(time.Minute)
		n.api.say(view(3, 3))
		n.later(t, time.Second)
		if groups := n.api.status.DirectorGroups; len(groups) != 1 || groups[0].Applied["edge-svc-0"] == 0 {
			t.Errorf("reported: %+v", groups)
		}
		n.started[0].become(vrrp.Active)
		n.settle(t)
		if got := n.operations(); !strings.Contains(got, comes) {
			t.Errorf("operations:\n%s", got)
		}
		if n.kernel.HasHoldTable() {
			t.Error("the kernel was prepared at once: the test shows nothing")
		}
		n.later(t, time.Minute)
		if diff := cmp.Diff([]string{"eth0"}, n.kernel.HoldInterfaces()); diff != "" {
			t.Errorf("interfaces: %s", diff)
		}
	})
}

func TestANodeThatIsNoDirectorHasNothingToHoldPacketsWith(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := backup(t)
		n.api.say(world{Node: &v1alpha1.NodeState{ObjectMeta: metav1.ObjectMeta{Name: "master", Generation: 8}}})
		n.later(t, 10*time.Second)
		if n.kernel.HasHoldTable() {
			t.Error("the table is still there")
		}
	})
}
