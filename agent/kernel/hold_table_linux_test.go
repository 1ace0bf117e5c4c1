// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink/nl"
)

func TestHeldAddressesAndPortsAreElementsOfTheirSets(t *testing.T) {
	address, server := netip.MustParseAddr, netip.MustParseAddrPort
	got, err := Held{
		Virtual: []netip.Addr{address("192.0.2.11"), address("2001:db8::10"), address("192.0.2.10"), address("192.0.2.11")},
		Servers: []netip.AddrPort{
			server("198.51.100.1:443"), server("198.51.100.1:80"), server("198.51.100.1:443"), server("198.51.100.2:0"),
			server("[2001:db8::1]:443"), server("[2001:db8::1]:0"),
		},
		Period: time.Second,
	}.elements()
	if err != nil {
		t.Fatal(err)
	}
	six := "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	want := map[string][]string{
		"virtual-ipv4":         {"\xc0\x00\x02\x0a", "\xc0\x00\x02\x0b"},
		"virtual-ipv6":         {six + "\x10"},
		"real-ipv4":            {"\xc6\x33\x64\x01\x00\x50\x00\x00", "\xc6\x33\x64\x01\x01\xbb\x00\x00"},
		"real-ipv4-every-port": {"\xc6\x33\x64\x02"},
		"real-ipv6":            {six + "\x01\x01\xbb\x00\x00"},
		"real-ipv6-every-port": {six + "\x01"},
	}
	if len(got) != len(want) {
		t.Errorf("%d sets, want %d: %v", len(got), len(want), got)
	}
	for _, set := range holdSets() {
		var keys []string
		for _, e := range got[set.name] {
			if keys = append(keys, e.key); e.timeout != time.Second || len(e.key) != int(set.of.length) {
				t.Errorf("%s: element %q of %d bytes, want %d; ends after %s", set.name, e.key, len(e.key), set.of.length, e.timeout)
			}
		}
		if strings.Join(keys, "|") != strings.Join(want[set.name], "|") {
			t.Errorf("%s: %q, want %q", set.name, keys, want[set.name])
		}
	}
}

func TestWhatCannotBeHeldIsRefusedBeforeTheKernelIsAsked(t *testing.T) {
	k := &Kernel{holds: holds{nft: nft{open: func() (*nl.SocketHandle, error) {
		t.Error("the kernel is asked")
		return nil, errNoNFTables
	}}}}
	for what, err := range map[string]error{
		"for ever":                       k.Hold(Held{}),
		"longer than anybody waits":      k.Hold(Held{Period: MaxHold + time.Millisecond}),
		"a virtual IP that is none":      k.Hold(Held{Virtual: make([]netip.Addr, 1), Period: time.Second}),
		"a real server without address":  k.Hold(Held{Servers: make([]netip.AddrPort, 1), Period: time.Second}),
		"for a director somewhere":       k.Hold(Held{To: netip.MustParseAddr("192.0.2.1"), Period: time.Second}),
		"less than the kernel can count": k.Hold(Held{Period: time.Millisecond - 1}),
	} {
		if err == nil {
			t.Errorf("held: %s", what)
		}
	}
}

func TestKernelWithoutNFTablesHoldsNothingAndSaysWhatToLoad(t *testing.T) {
	k := &Kernel{holds: holds{nft: nft{open: func() (*nl.SocketHandle, error) { return nil, errNoNFTables }}}}
	err := k.Hold(Held{Virtual: []netip.Addr{netip.MustParseAddr("192.0.2.10")}, Period: time.Second})
	if !errors.Is(err, errNoNFTables) || !strings.Contains(err.Error(), "1 virtual IPs") || !strings.Contains(err.Error(), "modprobe nf_tables") {
		t.Errorf("held: %v", err)
	}
	if err := k.PrepareHold(nil); !errors.Is(err, errNoNFTables) {
		t.Errorf("prepared: %v", err)
	}
	if err := k.Unhold(); err != nil {
		t.Errorf("removed: %v", err)
	}
}

func TestNamesOfRelayTablesAreOnesThatNftReads(t *testing.T) {
	for name, want := range map[string]string{
		"eth0": "lvs-operator-relay-eth0", "eth0.100": "lvs-operator-relay-eth0.100", "br-lan_1": "lvs-operator-relay-br-lan_1",
		"0@a": "lvs-operator-relay-0/40a", "vlän": "lvs-operator-relay-vl/c3/a4n",
	} {
		if got := RelayTableOf(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
