// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package kernel_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// virtualLink is that of virtual router 66 of IPv4 on eth0.
var virtualLink = plan.Link{Name: plan.LinkName("eth0", 66, false), Parent: "eth0", MAC: vrrp.VirtualMAC(vip, 66)}

// virtual is a director with that router, Backup or Active.
func virtual(active bool) wanted {
	in := plan.In{Links: []plan.Link{virtualLink}}
	if active {
		in.DirectorAddresses = []plan.InterfaceAddress{{Interface: virtualLink.Name, Address: vip}, {Interface: virtualLink.Name, Address: vip6}}
	}
	return wanted{In: in}
}

func TestALinkWithAVirtualMACAddressComesAndGoesWithoutATrace(t *testing.T) {
	n := newNode(t)
	n.connectToTheSubnet()
	n.run("sysctl -q -w net.ipv4.conf.default.rp_filter=1 net.ipv4.conf.eth0.arp_ignore=0 net.ipv4.conf.eth0.arp_announce=0")
	names := "net.ipv4.conf.eth0.arp_ignore net.ipv4.conf.eth0.arp_announce"
	trace := func() string {
		addresses := strings.ReplaceAll(n.run("ip -o address show"), " tentative", "") // only for now
		return addresses + n.run("ip -o link show") + n.run("sysctl "+names)
	}
	before := trace()

	backup := virtual(false)
	backup.Actual = n.read(backup.In)
	found := plan.NewlyFound(backup.In, plan.Plan(backup.In).All())
	backup.Found = found
	n.reach(backup)
	shown := n.run("ip -d link show dev lvs4-66-eth0")
	for _, want := range []string{"lvs4-66-eth0@eth0", "state DOWN", "link/ether 00:00:5e:00:01:42", "macvlan mode bridge", "group 76"} {
		if !strings.Contains(shown, want) {
			t.Errorf("as Backup the link lacks %q:\n%s", want, shown)
		}
	}
	if got := strings.Fields(n.run("sysctl -n " + names)); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("the interface below has %v", got)
	}

	active := virtual(true)
	active.Found = found
	n.reach(active)
	if shown := n.run("ip -o link show dev lvs4-66-eth0"); !strings.Contains(shown, ",UP") {
		t.Errorf("as Active the link is not up:\n%s", shown)
	}
	addresses := n.run("ip -o address show dev lvs4-66-eth0")
	if strings.Count(addresses, "inet") != 2 || !strings.Contains(addresses, "inet 192.0.2.10/32") || !strings.Contains(addresses, "inet6 2001:db8::10/128") || strings.Contains(addresses, "tentative") {
		t.Errorf("as Active the link has\n%s", addresses)
	}
	if chosen := n.run("ip route get 192.0.2.111"); !strings.Contains(chosen, "dev eth0 src 192.0.2.114") {
		t.Errorf("the node's own connections leave by %s", chosen)
	}

	backup.Found = found
	n.reach(backup)
	if left := n.run("ip -o address show dev lvs4-66-eth0"); left != "" {
		t.Errorf("as Backup again the link has\n%s", left)
	}
	n.reach(active)
	n.reach(wanted{In: plan.In{Found: found}})
	if diff := cmp.Diff(before, trace()); diff != "" {
		t.Error(diff)
	}
}

func TestWhatSomebodyDoesToOurLinkIsRepaired(t *testing.T) {
	n := newNode(t)
	n.connectToTheSubnet()
	active := virtual(true)
	n.reach(active)
	for _, drift := range []string{
		"ip link set dev lvs4-66-eth0 down",
		"ip link del lvs4-66-eth0",
		"ip link set dev lvs4-66-eth0 type macvlan mode vepa",
		"sysctl -q -w net.ipv4.conf.lvs4-66-eth0.rp_filter=1",
		"sysctl -q -w net.ipv6.conf.lvs4-66-eth0.accept_ra=2",
		"sysctl -q -w net.ipv4.conf.eth0.arp_ignore=0",
	} {
		n.run(drift)
		if repaired := n.reach(active); len(repaired) == 0 {
			t.Errorf("%s: nothing was done", drift)
		}
		if addresses := n.run("ip -o address show dev lvs4-66-eth0"); strings.Count(addresses, "inet") != 2 {
			t.Errorf("after %s and its repair the link has\n%s", drift, addresses)
		}
	}
}

func TestAnAgentThatReturnsRecognisesItsLinkAndItsAddresses(t *testing.T) {
	n := newNode(t)
	n.connectToTheSubnet()
	n.reach(virtual(true))
	// As a kernel before 5.18 has it, which keeps no mark of addresses.
	n.run("ip address del 192.0.2.10/32 dev lvs4-66-eth0")
	n.run("ip address add 192.0.2.10/32 dev lvs4-66-eth0")
	k, err := kernel.Open(kernel.ProcSys)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	returned := node{t, k}
	if changes := returned.reach(virtual(true)); len(changes) != 0 {
		t.Errorf("changes of a director that returns: %v", changes)
	}
	for _, address := range returned.read(virtual(true).In).Addresses {
		if address.Interface == virtualLink.Name && !address.Ours {
			t.Errorf("%v is not ours", address)
		}
	}
	if changes := fmt.Sprint(returned.reach(wanted{})); changes != "[ip link del lvs4-66-eth0]" {
		t.Errorf("changes of a director that has left its group: %s", changes)
	}
}

func TestLinksOfOthersWithOurNameAreLeftAlone(t *testing.T) {
	for _, kind := range []string{"type veth peer name other", "link eth0 type macvlan mode private", "link eth0 group 77 type macvlan mode bridge"} {
		n := newNode(t)
		n.run("ip link add name lvs4-66-eth0 " + kind)
		before := n.run("ip -d link show dev lvs4-66-eth0")
		in := virtual(true).In
		in.Actual = n.read(in)
		if foreign := plan.ForeignLinks(in); len(foreign) != 1 {
			t.Errorf("%s: foreign are %v", kind, foreign)
		}
		for _, operation := range []plan.Operation{
			&plan.AddLink{Link: virtualLink}, &plan.SetLink{Name: virtualLink.Name, Up: true}, &plan.SetLink{Name: virtualLink.Name}, &plan.DeleteLink{Name: virtualLink.Name},
		} {
			if err := n.refused(operation); !strings.Contains(err.Error(), "rename or delete it") {
				t.Errorf("%s, %s: %v", kind, operation, err)
			}
		}
		for _, operation := range plan.Plan(in).All() {
			if _, isSetting := operation.(*plan.SetSysctl); !isSetting {
				t.Errorf("%s: planned %s", kind, operation)
			}
		}
		if after := n.run("ip -d link show dev lvs4-66-eth0"); after != before {
			t.Errorf("%s: it was\n%sand is\n%s", kind, before, after)
		}
	}
}

func TestALinkThatCannotBeSaysWhy(t *testing.T) {
	n := newNode(t)
	absent := virtualLink
	absent.Parent = "eth9"
	if err := n.refused(&plan.AddLink{Link: absent}); !errors.Is(err, unix.ENODEV) || !strings.Contains(err.Error(), "eth9") {
		t.Errorf("on an interface that does not exist: %v", err)
	}
	n.run("ip link add link eth0 name vrrp.66 address 00:00:5e:00:01:42 type macvlan mode private")
	n.run("ip link set dev vrrp.66 up")
	n.do(&plan.AddLink{Link: virtualLink})
	if err := n.refused(&plan.SetLink{Name: virtualLink.Name, Up: true}); !errors.Is(err, unix.EADDRINUSE) || !strings.Contains(err.Error(), "use_vmac") {
		t.Errorf("beside another with its address: %v", err)
	}
	n.run("ip link add name switch type bridge")
	n.run("ip link set dev director-eth0 master switch")
	port := plan.Link{Name: "lvs4-66-port", Parent: "director-eth0", MAC: virtualLink.MAC}
	if err := n.refused(&plan.AddLink{Link: port}); !errors.Is(err, unix.EBUSY) || !strings.Contains(err.Error(), "bridge") {
		t.Errorf("on a port of a bridge: %v", err)
	}
	noEthernet := plan.Link{Name: "lvs4-66-tun", Parent: "lo", MAC: virtualLink.MAC}
	if err := n.refused(&plan.AddLink{Link: noEthernet}); err == nil {
		t.Error("a link on lo was added")
	} else {
		t.Logf("on lo: %v", err)
	}
}

// As VLANs have it.
func TestALinkOnAnInterfaceWithADotInItsNameHasItsSettings(t *testing.T) {
	n := newNode(t)
	n.run("ip link add name eth0.7 type veth peer name trunk")
	n.run("ip link set dev eth0.7 up")
	in := plan.In{Links: []plan.Link{{Name: plan.LinkName("eth0.7", 66, false), Parent: "eth0.7", MAC: virtualLink.MAC}}}
	n.reach(wanted{In: in})
	if got := strings.TrimSpace(n.run("cat /proc/sys/net/ipv4/conf/eth0.7/arp_ignore")); got != "1" {
		t.Errorf("arp_ignore of eth0.7 is %s", got)
	}
}
