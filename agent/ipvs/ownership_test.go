// SPDX-License-Identifier: Apache-2.0

package ipvs_test

import (
	"net/netip"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

func owning(networks []string, marks ...ipvs.MarkRange) ipvs.Ownership {
	owned := ipvs.Ownership{Marks: marks}
	for _, network := range networks {
		owned.Networks = append(owned.Networks, netip.MustParsePrefix(network))
	}
	return owned
}

func at(address string) ipvs.ServiceKey {
	return ipvs.ServiceKey{Address: netip.MustParseAddr(address), Port: 80, Protocol: ipvs.TCP}
}

func TestOwnersKnowTheirServicesByAddressOrByMark(t *testing.T) {
	owned := owning([]string{"192.0.2.0/28", "2001:db8::/64"}, ipvs.MarkRange{First: 100, Last: 199}, ipvs.MarkRange{First: 1 << 31, Last: 1<<32 - 1})
	for _, c := range []struct {
		key  ipvs.ServiceKey
		owns bool
	}{
		{at("192.0.2.0"), true},
		{at("192.0.2.15"), true},
		{at("192.0.2.16"), false},
		{at("2001:db8::ffff"), true},
		{at("2001:db8:0:1::"), false},
		{at("::ffff:192.0.2.1"), false},
		{ipvs.MarkKey(99, ipvs.IPv4), false},
		{ipvs.MarkKey(100, ipvs.IPv4), true},
		{ipvs.MarkKey(199, ipvs.IPv6), true},
		{ipvs.MarkKey(200, ipvs.IPv6), false},
		{ipvs.MarkKey(1<<32-1, ipvs.IPv6), true},
	} {
		if owned.Owns(c.key) != c.owns {
			t.Errorf("%s: owned %v, want %v", c.key, !c.owns, c.owns)
		}
		if (ipvs.Ownership{}).Owns(c.key) {
			t.Errorf("%s: owned by nobody", c.key)
		}
	}
}

func TestAllAddressesAreNotAllMarks(t *testing.T) {
	if owning([]string{"0.0.0.0/0", "::/0"}).Owns(ipvs.MarkKey(7, ipvs.IPv4)) {
		t.Error("a service by mark is owned by a network: its address says nothing")
	}
}

func TestUnionIsSortedAndHoldsEachOnce(t *testing.T) {
	low, high := ipvs.MarkRange{First: 1, Last: 9}, ipvs.MarkRange{First: 100, Last: 199}
	union := ipvs.Union(
		owning([]string{"2001:db8::/64", "192.0.2.0/24"}, high), ipvs.Ownership{}, owning([]string{"192.0.2.0/24", "192.0.2.0/25"}, low, high),
	)
	if want := owning([]string{"192.0.2.0/24", "192.0.2.0/25", "2001:db8::/64"}, low, high); !union.Equal(want) {
		t.Errorf("union %v, want %v", union, want)
	}
	if !ipvs.Union().IsZero() || union.IsZero() || owning(nil, low).IsZero() {
		t.Error("only what owns nothing is zero")
	}
}

func TestUnionDoesNotChangeItsParts(t *testing.T) {
	part := owning([]string{"192.0.2.128/25", "192.0.2.0/25"}, ipvs.MarkRange{First: 2, Last: 2}, ipvs.MarkRange{First: 1, Last: 1})
	part.Networks, part.Marks = part.Networks[:1:2], part.Marks[:1:2] // with room behind, which an append would take
	ipvs.Union(part, owning([]string{"198.51.100.0/24"}, ipvs.MarkRange{First: 3, Last: 3}))
	networks, marks := part.Networks[:2], part.Marks[:2]
	if networks[1] != netip.MustParsePrefix("192.0.2.0/25") || marks[1].First != 1 {
		t.Errorf("the part became %v, %v", networks, marks)
	}
}

func TestWhatIsGivenUpIsTakenOutByName(t *testing.T) {
	marks := ipvs.MarkRange{First: 100, Last: 199}
	before := owning([]string{"192.0.2.0/24", "198.51.100.0/24"}, marks)
	after := owning([]string{"192.0.2.0/25", "198.51.100.0/24"}, marks)
	if got, want := before.Without(after), owning([]string{"192.0.2.0/24"}); !got.Equal(want) {
		t.Errorf("given up %v, want %v", got, want)
	}
	if !before.Without(before).IsZero() || before.IsZero() {
		t.Error("nothing is left of what is taken from itself")
	}
	if got, want := before.Without(ipvs.Ownership{}), before; !got.Equal(want) || got.Equal(after) {
		t.Errorf("without nothing: %v, want %v", got, want)
	}
}
