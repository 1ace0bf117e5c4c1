// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// link is that of virtual router 66 of IPv4 on eth0.
var link = plan.Link{Name: "lvs4-66-eth0", Parent: "eth0", MAC: vrrp.VirtualMAC(vip, 66)}

// there is the link in a kernel.
func there(up bool) plan.ActualLink {
	return plan.ActualLink{Link: link, Bridge: true, Up: up, Ours: true}
}

// linked are the settings that go with the link, as they have to be.
func linked() map[string]string {
	sysctls := map[string]string{"net.ipv4.conf.eth0.arp_ignore": "1", "net.ipv4.conf.eth0.arp_announce": "2"}
	for _, setting := range plan.LinkSettings(link.Name) {
		sysctls[setting.Name] = setting.Value
	}
	return sysctls
}

const addLink = "ip link add link eth0 name lvs4-66-eth0 address 00:00:5e:00:01:42 group 76 type macvlan mode bridge\n"

func TestLinkStories(t *testing.T) {
	held := []plan.InterfaceAddress{{Interface: link.Name, Address: vip}, {Interface: link.Name, Address: vip6}}
	wanted := []plan.Link{link}
	drifted := linked()
	drifted["net.ipv4.conf.lvs4-66-eth0.rp_filter"] = "1"
	moved := there(true)
	moved.MAC[5]++
	stories := []struct {
		name string
		in   plan.In
		want string
	}{
		{
			name: "a director has its link before it is Active, down, on an interface that is silent on ARP for others",
			in:   plan.In{Links: wanted, Actual: plan.Actual{Sysctls: fresh("net.ipv4.conf.eth0.arp_announce", "net.ipv4.conf.eth0.arp_ignore")}},
			want: `sysctl -w net.ipv4.conf.eth0.arp_ignore=1
sysctl -w net.ipv4.conf.eth0.arp_announce=2
` + addLink + between,
		},
		{
			name: "a director that becomes Active takes the link up, and then the virtual IPs",
			in:   plan.In{Links: wanted, DirectorAddresses: held, Actual: plan.Actual{Links: []plan.ActualLink{there(false)}, Sysctls: linked()}},
			want: between + `ip link set dev lvs4-66-eth0 up
ip address add 192.0.2.10/32 dev lvs4-66-eth0 proto 76
ip address add 2001:db8::10/128 dev lvs4-66-eth0 proto 76
`,
		},
		{
			name: "a director that restarts as Active finds everything in place and does nothing",
			in: plan.In{Links: wanted, DirectorAddresses: held, Actual: plan.Actual{
				Links: []plan.ActualLink{there(true)}, Sysctls: linked(), Addresses: []plan.Address{ours(link.Name, vip), ours(link.Name, vip6)}}},
			want: between,
		},
		{
			name: "a director that becomes Backup is silent before its addresses go, and keeps the link",
			in: plan.In{Links: wanted, Actual: plan.Actual{
				Links: []plan.ActualLink{there(true)}, Sysctls: linked(), Addresses: []plan.Address{ours(link.Name, vip), ours(link.Name, vip6)}}},
			want: `ip link set dev lvs4-66-eth0 down
ip address del 192.0.2.10/32 dev lvs4-66-eth0
ip address del 2001:db8::10/128 dev lvs4-66-eth0
` + between,
		},
		{
			name: "a link that a killed agent left up goes with its addresses, and the interface gets its settings back",
			in: plan.In{
				Found: map[string]string{"net.ipv4.conf.eth0.arp_ignore": "0", "net.ipv4.conf.eth0.arp_announce": "0"},
				Actual: plan.Actual{
					Links: []plan.ActualLink{there(true)}, Sysctls: linked(), Addresses: []plan.Address{ours(link.Name, vip), ours("eth0", vip6)}}},
			want: `ip link del lvs4-66-eth0
ip address del 2001:db8::10/128 dev eth0
` + between + `sysctl -w net.ipv4.conf.eth0.arp_announce=0
sysctl -w net.ipv4.conf.eth0.arp_ignore=0
`,
		},
		{
			name: "a group that wants a virtual MAC address no more has its addresses on the interface",
			in: plan.In{DirectorAddresses: []plan.InterfaceAddress{{Interface: "eth0", Address: vip}}, Actual: plan.Actual{
				Links: []plan.ActualLink{there(true)}, Addresses: []plan.Address{ours(link.Name, vip)}}},
			want: "ip link del lvs4-66-eth0\n" + between + "ip address add 192.0.2.10/32 dev eth0 proto 76 label eth0:lvs\n",
		},
		{
			name: "a link of ours with another MAC address is made anew",
			in: plan.In{Links: wanted, DirectorAddresses: held[:1], Actual: plan.Actual{
				Links: []plan.ActualLink{moved}, Sysctls: linked(), Addresses: []plan.Address{ours(link.Name, vip)}}},
			want: "ip link del lvs4-66-eth0\n" + addLink + between + `ip link set dev lvs4-66-eth0 up
ip address add 192.0.2.10/32 dev lvs4-66-eth0 proto 76
`,
		},
		{
			name: "a link of somebody else's is not touched, and gets no address",
			in: plan.In{Links: wanted, DirectorAddresses: held, Actual: plan.Actual{
				Links: []plan.ActualLink{{Link: plan.Link{Name: link.Name}}}, Sysctls: linked()}},
			want: between,
		},
		{
			name: "what somebody changes of the link is put back",
			in: plan.In{Links: wanted, DirectorAddresses: held[:1], Actual: plan.Actual{
				Links: []plan.ActualLink{there(false)}, Sysctls: drifted, Addresses: []plan.Address{ours(link.Name, vip)}}},
			want: "sysctl -w net.ipv4.conf.lvs4-66-eth0.rp_filter=2\n" + between + "ip link set dev lvs4-66-eth0 up\n",
		},
	}
	for _, story := range stories {
		t.Run(story.name, func(t *testing.T) {
			steps := plan.Plan(story.in)
			if diff := cmp.Diff(story.want, commands(steps.Before)+between+commands(steps.After)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestALinksOwnSettingsAreNotRestored(t *testing.T) {
	in := plan.In{Links: []plan.Link{link}, Actual: plan.Actual{Links: []plan.ActualLink{there(false)}, Sysctls: map[string]string{
		"net.ipv4.conf.eth0.arp_ignore": "0", "net.ipv4.conf.lvs4-66-eth0.arp_ignore": "0"}}}
	want := map[string]string{"net.ipv4.conf.eth0.arp_ignore": "0"}
	if diff := cmp.Diff(want, plan.NewlyFound(in, plan.Plan(in).All())); diff != "" {
		t.Error(diff)
	}
	for _, setting := range plan.LinkSettings(link.Name) {
		if !slices.Contains(in.Sysctls(), setting.Name) {
			t.Errorf("%s is not asked for: nobody would see it change", setting.Name)
		}
	}
	if missing := plan.Missing(in); missing != nil {
		t.Errorf("missing in a kernel without the interface: %v", missing)
	}
}

func TestALinkOfAnothersIsNamed(t *testing.T) {
	in := plan.In{Links: []plan.Link{link}, Actual: plan.Actual{Links: []plan.ActualLink{there(true)}}}
	if foreign := plan.ForeignLinks(in); foreign != nil || !in.Actual.Usable(link.Name) {
		t.Errorf("our own is foreign: %v", foreign)
	}
	in.Actual.Links[0].Ours = false
	if foreign := plan.ForeignLinks(in); !slices.Equal(foreign, []string{link.Name}) || in.Actual.Usable(link.Name) {
		t.Errorf("foreign are %v", foreign)
	}
}

func TestALinksNameFitsTheKernelAndIsOneRouters(t *testing.T) {
	seen := map[string]bool{}
	for _, parent := range []string{"eth0", "bond0.12", "enp94s0f0np0", "enp94s0f1np1", strings.Repeat("e", 15)} {
		for _, vrid := range []uint8{1, 66, 255} {
			for _, ipv6 := range []bool{false, true} {
				name := plan.LinkName(parent, vrid, ipv6)
				if len(name) > 15 || strings.ContainsAny(name, "/: ") || seen[name] {
					t.Errorf("router %d on %s (IPv6: %t) has the link %q", vrid, parent, ipv6, name)
				}
				seen[name] = true
			}
		}
	}
	if got, want := plan.LinkName("eth0", 66, true), "lvs6-66-eth0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTheVirtualMACAddressIsTheRouters(t *testing.T) {
	for address, want := range map[string]string{"192.0.2.10": "00:00:5e:00:01:ff", "2001:db8::10": "00:00:5e:00:02:ff"} {
		if got := vrrp.VirtualMAC(netip.MustParseAddr(address), 255).String(); got != want {
			t.Errorf("%s: %s, want %s (RFC 9568 section 7.3)", address, got, want)
		}
	}
}

// A VLAN's name has a dot, which stands between the parts of a sysctl's name.
func TestASettingOfAVLANIsWrittenAsSysctlWritesIt(t *testing.T) {
	in := plan.In{Links: []plan.Link{{Name: plan.LinkName("eth0.7", 66, false), Parent: "eth0.7"}}}
	if names := in.Sysctls(); !slices.Contains(names, "net.ipv4.conf.eth0/7.arp_ignore") {
		t.Errorf("asked for: %v", names)
	}
}
