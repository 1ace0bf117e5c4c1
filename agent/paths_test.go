// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/kernel/kerneltest"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// viaView is view, with checks by way of the virtual IP.
func viaView(weights ...int32) world {
	w := view(weights...)
	w.Node.Spec.DirectorGroups[0].ProbeMarks = &v1alpha1.MarkRange{First: 1000, Last: 1001}
	w.RealServers[0].Spec.HealthCheck.Via = v1alpha1.ViaVirtualIP
	return w
}

const acceptLocal = "sysctl -w net.ipv4.conf.all.accept_local=1"

// checked are the targets of the agent's checks.
func (n *node) checked() map[netip.AddrPort]health.Via {
	all := map[netip.AddrPort]health.Via{}
	for target := range n.health.All() {
		all[target.Address] = target.Spec.Via
	}
	return all
}

func TestChecksByWayOfTheVirtualIPBeginWhenTheirPathIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := kerneltest.New("eth0")
		dir := t.TempDir()
		n := newNode(t, k, dir)
		n.api.say(viaView(3, 3))
		n.settle(t)
		got := n.operations()
		paths, service := strings.Index(got, "ipvsadm -a -f 100"), strings.Index(got, "ipvsadm -a -t 198.51.100.10:8080")
		if paths < 0 || service < paths || strings.Count(got, "ipvsadm -A -f ") != 2 || !strings.Contains(got, acceptLocal) {
			t.Fatalf("want the paths of both real servers, then what was found by them:\n%s", got)
		}
		vias := n.checked()
		first, second := vias[netip.MustParseAddrPort(firstDead)], vias[netip.MustParseAddrPort(secondDead)]
		if first.Virtual.String() != "198.51.100.10" || second.Virtual != first.Virtual || first.Mark == second.Mark || first.Mark < 1000 || first.Mark > 1001 || second.Mark < 1000 || second.Mark > 1001 {
			t.Errorf("checks go via %+v and %+v", first, second)
		}

		after := newNode(t, k, dir)
		after.settle(t)
		after.later(t, 10*time.Second)
		expect(t, "after a start", after.operations(), "")
		if again := after.checked(); again[netip.MustParseAddrPort(firstDead)] != first {
			t.Errorf("the check goes via %+v, before the start via %+v", again, first)
		}

		direct := viaView(3, 3)
		direct.RealServers[0].Spec.HealthCheck.Via = v1alpha1.ViaRealServer
		after.api.say(direct)
		after.settle(t)
		got = after.operations()
		if strings.Count(got, "ipvsadm -D -f ") != 2 || !strings.Contains(got, "sysctl -w net.ipv4.conf.all.accept_local=0") || strings.Contains(got, "-t ") {
			t.Errorf("without paths:\n%s", got)
		}
	})
}

func TestPoolThatIsCheckedAnotherWayFromNowOnStaysInService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		n.servers.takes(firstDead, 2*time.Second)
		n.servers.takes(secondDead, 2*time.Second)
		n.api.say(viaView(3, 3))
		n.settle(t)
		n.later(t, 10*time.Second)
		if got := n.operations(); strings.Contains(got, "-t ") || strings.Count(got, "ipvsadm -A -f ") != 2 {
			t.Errorf("the service was touched:\n%s", got)
		}
	})
}

func TestRealServerWithoutAMarkIsCheckedAtItsOwnAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		n.api.say(viaView(3, 3, 3)) // of which two marks are there
		n.settle(t)
		direct := 0
		for _, via := range n.checked() {
			if via.IsZero() {
				direct++
			}
		}
		if direct != 1 || len(n.api.status.DirectorGroups[0].Degraded) != 0 {
			t.Errorf("%d are checked at their own address, want 1; degraded %+v", direct, n.api.status.DirectorGroups[0].Degraded)
		}
	})
}

func TestRealServersBehindNATAreCheckedAtTheirOwnAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		w := viaView(3, 3)
		w.RealServers[0].Spec.RealServers[0].ForwardingMethod = v1alpha1.NAT
		n.api.say(w)
		n.settle(t)
		n.started[0].become(vrrp.Active)
		n.settle(t)
		if vias := n.checked(); !vias[netip.MustParseAddrPort(firstDead)].IsZero() || vias[netip.MustParseAddrPort(secondDead)].IsZero() {
			t.Errorf("checks go via %+v", vias)
		}
	})
}

func TestPathsKeepTheirMarksAndGiveThemBack(t *testing.T) {
	p, never := newPaths(), func(uint32) bool { return false }
	within := ipvs.MarkRange{First: 7, Last: 9}
	way := func(n byte) path {
		return path{family: ipvs.IPv4, realServer: netip.AddrFrom4([4]byte{192, 0, 2, n}), method: ipvs.DirectRoute}
	}
	p.learn(way(1), 8)
	p.learn(way(2), 8) // somebody's copy
	if mark, first := p.enter(way(1), "edge", within); mark != 8 || !first {
		t.Errorf("mark %d, first %t", mark, first)
	}
	if mark, first := p.enter(way(1), "edge", within); mark != 8 || first {
		t.Errorf("the second user: mark %d, first %t", mark, first)
	}
	marks := map[uint32]bool{8: true}
	for n := range byte(3) {
		mark, _ := p.enter(way(10+n), "edge", within)
		if mark != 0 && marks[mark] || mark != 0 && !within.Has(mark) || mark == 0 && n < 2 {
			t.Errorf("path %d has mark %d", n, mark)
		}
		marks[mark] = true
	}
	p.leave(way(1))
	if gone := p.sweep(never); len(gone) != 0 {
		t.Errorf("%v went, which is in use", gone)
	}
	p.leave(way(1))
	if gone := p.sweep(never); len(gone) != 1 || gone[0] != ipvs.MarkKey(8, ipvs.IPv4) {
		t.Errorf("%v went, want mark 8", gone)
	}
	if mark, _ := p.enter(way(99), "edge", within); mark != 8 {
		t.Errorf("mark %d, want the one that is free again", mark)
	}
}

func TestMarksForChecksMayComeAfterTheChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		w := viaView(3, 3)
		w.Node.Spec.DirectorGroups[0].ProbeMarks = nil
		n.api.say(w)
		n.settle(t)
		n.later(t, 10*time.Second)
		n.api.say(viaView(3, 3))
		n.settle(t)
		n.later(t, 20*time.Second)
		for a, via := range n.checked() {
			if via.IsZero() {
				t.Errorf("%v is checked at its own address", a)
			}
		}
	})
}

func TestMoreMarksForChecksHelpThoseThatHadNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		n.api.say(viaView(3, 3, 3))
		n.settle(t)
		n.later(t, 10*time.Second)
		w := viaView(3, 3, 3)
		w.Node.Spec.DirectorGroups[0].ProbeMarks = &v1alpha1.MarkRange{First: 1000, Last: 1009}
		n.api.say(w)
		n.settle(t)
		n.later(t, 20*time.Second)
		for a, via := range n.checked() {
			if via.IsZero() {
				t.Errorf("%v is checked at its own address", a)
			}
		}
	})
}

func TestChecksMoveToOtherMarks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, dir := kerneltest.New("eth0"), t.TempDir()
		n := newNode(t, k, dir)
		n.api.say(viaView(3, 3))
		n.settle(t)
		n.later(t, 10*time.Second)
		w := viaView(3, 3)
		w.Node.Spec.DirectorGroups[0].ProbeMarks = &v1alpha1.MarkRange{First: 5000, Last: 5009}
		n.api.say(w)
		n.settle(t)
		n.later(t, 20*time.Second)
		for a, via := range n.checked() {
			if via.Mark < 5000 {
				t.Errorf("%v has mark %d, which is not the group's any more", a, via.Mark)
			}
		}
		if got := n.operations(); strings.Count(got, "ipvsadm -D -f 100") != 2 || strings.Count(got, "ipvsadm -A -f 500") != 2 {
			t.Errorf("the old paths go, and new ones come:\n%s", got)
		}
		after := newNode(t, k, dir)
		after.settle(t)
		after.later(t, 10*time.Second)
		expect(t, "after a start", after.operations(), "")
	})
}

func TestChecksByWayOfOneVirtualIPProveNothingOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		w := viaView(3, 3)
		n.api.say(w)
		n.settle(t)
		n.started[0].become(vrrp.Active)
		n.later(t, 10*time.Second)
		n.operations()
		// from now on all checks hang: the new virtual IP is on no real server
		n.servers.takes(firstDead, time.Hour)
		n.servers.takes(secondDead, time.Hour)
		w2 := viaView(3, 3)
		other := w2.Services[0].Spec.Services[0]
		other.ID, other.Address = "web/other/http", "198.51.100.11"
		w2.Services[0].Spec.Services = append(w2.Services[0].Spec.Services, other)
		n.api.say(w2)
		n.settle(t)
		got := n.operations()
		if strings.Contains(got, "ipvsadm -a -t 198.51.100.11") {
			t.Errorf("real servers serve the new virtual IP before any check by way of it passed:\n%s", got)
		}
	})
}

func TestRealServerWhosePathIsRefusedIsCheckedAsBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		n.kernel.Refuse(func(o plan.Operation) error {
			if add, ok := o.(*plan.AddService); ok && add.Service.Key.Mark != 0 {
				return errors.New("no such scheduler")
			}
			return nil
		})
		n.api.say(viaView(3, 3))
		n.settle(t)
		n.servers.set(firstDead, true)
		n.later(t, 10*time.Minute)
		if got := n.operations(); !strings.Contains(got, "-d -t 198.51.100.10:8080 -r 192.0.2.11:8080") {
			t.Errorf("dead for ten minutes and still in service; checks: %v", n.checked())
		}
	})
}

func TestRealServerOfAnotherFamilyIsCheckedAtItsOwnAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		w := viaView(3)
		w.RealServers[0].Spec.RealServers[0].Address = "2001:db8::11"
		w.Services[0].Spec.Services[0].ForwardingMethod = v1alpha1.Tunnel
		n.api.say(w)
		n.settle(t)
		n.later(t, 20*time.Second)
		for a, via := range n.checked() {
			if !via.IsZero() {
				t.Errorf("%v is checked by way of %+v: of two families nothing could be sent", a, via)
			}
		}
	})
}

func TestChecksThatTakeAnotherWayGoOnFromWhatIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		direct := viaView(3, 3)
		direct.RealServers[0].Spec.HealthCheck.Via = v1alpha1.ViaRealServer
		direct.RealServers[0].Spec.HealthCheck.Rise = 10
		n.api.say(direct)
		n.settle(t)
		n.servers.set(firstDead, true)
		n.later(t, 60*time.Second)
		n.operations()
		n.servers.set(firstDead, false)
		w := viaView(3, 3)
		w.RealServers[0].Spec.HealthCheck.Rise = 10
		n.api.say(w)
		n.settle(t)
		n.later(t, 3*time.Second)
		if got := n.operations(); strings.Contains(got, "-a -t 198.51.100.10:8080 -r 192.0.2.11") {
			t.Errorf("up after one passed check, rise is 10:\n%s", got)
		}
	})
}
