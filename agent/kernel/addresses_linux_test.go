// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package kernel_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/plan"
)

var vip6 = netip.MustParseAddr("2001:db8::10")

// ours are the IPv6 addresses that are read as our own.
func (n node) ours() []plan.Address {
	n.t.Helper()
	return slices.DeleteFunc(n.readMarks().Addresses, func(a plan.Address) bool { return !a.Ours })
}

func TestIPv6AddressIsUsableAtOnceAndOurs(t *testing.T) {
	n := newNode(t)
	n.run("ip -6 address add 2001:db8::99/64 dev eth0 nodad")
	for _, name := range []string{"eth0", "lo"} {
		prefix := netip.PrefixFrom(vip6, 128)
		n.do(&plan.AddAddress{Interface: name, Prefix: prefix}, &plan.AddAddress{Interface: name, Prefix: prefix})
		listed := n.run("ip -6 address show dev " + name)
		_, line, _ := strings.Cut(listed, "inet6 2001:db8::10/128")
		lines := strings.SplitN(line, "\n", 3)
		if strings.Contains(lines[0], "tentative") || !strings.Contains(lines[0], "nodad") || !strings.Contains(lines[0], "deprecated") ||
			len(lines) < 2 || !strings.Contains(lines[1], "valid_lft forever preferred_lft 0sec") {
			t.Errorf("%s:\n%s", name, listed)
		}
		if ours := n.ours(); len(ours) != 1 || ours[0] != (plan.Address{Interface: name, Prefix: prefix, Ours: true}) {
			t.Errorf("%s: ours are %v", name, ours)
		}
		if chosen := n.run("ip -6 route get 2001:db8::98"); name == "eth0" && !strings.Contains(chosen, "src 2001:db8::99") {
			t.Errorf("the virtual IP is the source of the node's own connections: %s", chosen)
		}
		n.do(&plan.DeleteAddress{Interface: name, Prefix: prefix}, &plan.DeleteAddress{Interface: name, Prefix: prefix})
		if ours := n.ours(); len(ours) > 0 {
			t.Errorf("%s: left %v", name, ours)
		}
	}
	var others []string
	for _, address := range n.readMarks().Addresses {
		if address.Prefix.Addr().Is6() && address.Interface == "eth0" {
			others = append(others, address.Prefix.String())
		}
	}
	if !slices.Contains(others, "2001:db8::99/64") || !slices.ContainsFunc(others, func(s string) bool { return strings.HasPrefix(s, "fe80::") }) {
		t.Errorf("somebody's own IPv6 addresses are read as %v", others)
	}
}

func TestManyAddressesComeAtOnceAndAreOurs(t *testing.T) {
	k := newKernel(t)
	n := node{t, k}
	n.run("ip address add 198.51.100.7/32 dev eth0")
	var adds []*plan.AddAddress
	for i := range 120 {
		adds = append(adds, plan.Takeover("eth0", []netip.Addr{
			netip.AddrFrom4([4]byte{198, 51, 100, byte(1 + i)}), netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(i)}),
		})...)
	}
	for range 2 {
		if err := k.AddAddresses(adds); err != nil {
			t.Fatal(err)
		}
	}
	// That of somebody else stays as it was.
	if ours := n.ours(); len(ours) != len(adds)-1 {
		t.Errorf("%d addresses are ours, want %d", len(ours), len(adds)-1)
	}
	if listed := n.run("ip -6 address show dev eth0"); !strings.Contains(listed, "2001:db8::77/128 scope global nodad deprecated") {
		t.Errorf("the last IPv6 address:\n%s", listed)
	}
}

func TestAddressesThatTheKernelRefusesAreAnError(t *testing.T) {
	k := newKernel(t)
	for name, test := range map[string]struct {
		add  *plan.AddAddress
		want string
	}{
		"no such interface":       {&plan.AddAddress{Interface: "eth9", Prefix: netip.MustParsePrefix("198.51.100.1/32")}, "the interface does not exist on this node"},
		"not an address of hosts": {&plan.AddAddress{Interface: "eth0", Prefix: netip.MustParsePrefix("ff02::5/128")}, "add 1 addresses"},
	} {
		if err := k.AddAddresses([]*plan.AddAddress{test.add}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInterfaceWithoutIPv6SaysSo(t *testing.T) {
	n := newNode(t)
	n.run("sysctl -w net.ipv6.conf.eth0.disable_ipv6=1")
	err := n.refused(&plan.AddAddress{Interface: "eth0", Prefix: netip.PrefixFrom(vip6, 128)})
	if !strings.Contains(err.Error(), "set net.ipv6.conf.eth0.disable_ipv6 to 0") {
		t.Error(err)
	}
}

func TestChangesOfIPv6AddressesAndPolicyRulesAreSignalled(t *testing.T) {
	k := newKernel(t)
	n := node{t, k}
	for _, command := range []string{
		"ip -6 address add 2001:db8::99/64 dev lo nodad", "ip rule add fwmark 9 lookup 9", "ip -6 rule add fwmark 9 lookup 9",
	} {
		changed, err := k.Subscribe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n.run(command)
		select {
		case <-changed:
		case <-time.After(10 * time.Second):
			t.Errorf("no signal of %s", command)
		}
	}
}
