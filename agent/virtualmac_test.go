// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/kernel/kerneltest"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

const (
	parentSilent = `sysctl -w net.ipv4.conf.eth0.arp_ignore=1
sysctl -w net.ipv4.conf.eth0.arp_announce=2`
	linkAdded = "ip link add link eth0 name lvs4-66-eth0 address 00:00:5e:00:01:42 group 76 type macvlan mode bridge"
	linkUp    = "ip link set dev lvs4-66-eth0 up\nip address add 198.51.100.10/32 dev lvs4-66-eth0 proto 76"
	linkDown  = "ip link set dev lvs4-66-eth0 down\nip address del 198.51.100.10/32 dev lvs4-66-eth0"
)

// virtualView is view with a virtual MAC address, or without.
func virtualView(virtual bool) world {
	w := view(3, 3)
	w.Node.Spec.DirectorGroups[0].VirtualRouters[0].VirtualMAC = virtual
	return w
}

// virtual is a director with a virtual MAC address, Backup or Active.
func virtual(t *testing.T, k *kerneltest.Kernel, dir string, state vrrp.State) *node {
	t.Helper()
	n := newNode(t, k, dir)
	n.api.say(virtualView(true))
	n.settle(t)
	if state == vrrp.Active {
		n.started[0].become(vrrp.Active)
		n.settle(t)
	}
	n.kernel.TakeApplied()
	return n
}

func TestADirectorHasItsVirtualMACAddressReadyAndUsesItAsActiveAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, kerneltest.New("eth0"), t.TempDir())
		n.api.say(virtualView(true))
		n.settle(t)
		expect(t, "before the election", n.operations(), parentSilentAnd(linkAdded))
		n.started[0].become(vrrp.Active)
		n.settle(t)
		expect(t, "as Active", n.operations(), linkUp)
		if n.started[0].announced != 1 || !n.started[0].config.VirtualMAC {
			t.Errorf("announced %d times, virtual MAC address %t", n.started[0].announced, n.started[0].config.VirtualMAC)
		}
		// Bridges have turned to the other director at its first word: an answer from here would turn them back.
		n.started[0].become(vrrp.Backup)
		n.settle(t)
		expect(t, "as Backup", n.operations(), linkDown)
		n.later(t, time.Minute)
		expect(t, "afterwards", n.operations(), "")
	})
}

// parentSilentAnd is how a director begins whose services come after the link.
func parentSilentAnd(link string) string {
	services := strings.TrimPrefix(inService, settings)
	return settings + "\n" + parentSilent + "\n" + link + services
}

func TestAKilledDirectorGoesOnWithItsVirtualMACAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, dir := kerneltest.New("eth0"), t.TempDir()
		virtual(t, k, dir, vrrp.Active)
		after := newNode(t, k, dir)
		after.settle(t)
		if len(after.started) != 1 || !after.started[0].resumed {
			t.Fatal("the virtual router whose addresses are there did not resume")
		}
		after.api.say(virtualView(true))
		after.later(t, time.Minute)
		expect(t, "operations of the agent that was started again", after.operations(), "")
	})
}

func TestALinkThatNobodyWantsAnyMoreGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, dir := kerneltest.New("eth0"), t.TempDir()
		virtual(t, k, dir, vrrp.Backup)
		// The agent was down while the group changed.
		after := newNode(t, k, dir)
		after.api.say(virtualView(false))
		after.settle(t)
		expect(t, "operations", after.operations(), `ip link del lvs4-66-eth0
sysctl -w net.ipv4.conf.eth0.arp_announce=0
sysctl -w net.ipv4.conf.eth0.arp_ignore=0`)
		after.later(t, time.Minute)
		expect(t, "afterwards", after.operations(), "")
	})
}

func TestAGroupMayChangeToAVirtualMACAddressWhileItServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := active(t)
		n.api.say(virtualView(true))
		n.settle(t)
		expect(t, "operations", n.operations(), "ip address del 198.51.100.10/32 dev eth0\n"+parentSilent+"\n"+linkAdded+"\n"+linkUp)
		if !n.started[0].config.VirtualMAC || n.started[0].announced != 2 {
			t.Errorf("announced %d times, virtual MAC address %t", n.started[0].announced, n.started[0].config.VirtualMAC)
		}
	})
}

func TestADirectorThatStopsTakesItsVirtualMACAddressOffTheLinkAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := virtual(t, kerneltest.New("eth0"), t.TempDir(), vrrp.Active)
		begin := time.Now()
		if err := n.handOver(); err != nil {
			t.Fatal(err)
		}
		expect(t, "operations", n.operations(), linkDown)
		if d := time.Since(begin); d != 0 {
			t.Errorf("it went on for %s after the other had taken over", d)
		}
	})
}

func TestALinkOfSomebodyElsesKeepsTheRouterFromStartingAndIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := kerneltest.New("eth0")
		k.Preset(nil, plan.Actual{Links: []plan.ActualLink{{Link: plan.Link{Name: "lvs4-66-eth0"}}}})
		n := newNode(t, k, t.TempDir())
		n.api.say(virtualView(true))
		n.later(t, time.Minute)
		if len(n.started) != 0 {
			t.Error("VRRP may win without a link for the virtual IP")
		}
		problems := n.api.status.Problems
		if len(problems) != 1 || problems[0].DirectorGroup != "edge" || !strings.Contains(problems[0].Message, "ip link del lvs4-66-eth0") {
			t.Errorf("reported: %+v", problems)
		}
	})
}

func TestWithoutMacvlanTheRouterDoesNotStartAndTheGroupHasAProblem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := kerneltest.New("eth0")
		k.Refuse(kerneltest.Every[*plan.AddLink](kerneltest.ErrNoMacvlan))
		n := newNode(t, k, t.TempDir())
		n.api.say(virtualView(true))
		n.later(t, time.Minute)
		if problems := n.api.status.Problems; len(n.started) != 0 || len(problems) != 1 || problems[0].DirectorGroup != "edge" {
			t.Errorf("%d routers started, reported: %+v", len(n.started), problems)
		}
	})
}
