// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package kernel_test

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

func addresses(texts ...string) []netip.Addr {
	var parsed []netip.Addr
	for _, text := range texts {
		parsed = append(parsed, netip.MustParseAddr(text))
	}
	return parsed
}

func endpoints(texts ...string) []netip.AddrPort {
	var parsed []netip.AddrPort
	for _, text := range texts {
		parsed = append(parsed, netip.MustParseAddrPort(text))
	}
	return parsed
}

func (n node) hold(virtual []netip.Addr, servers []netip.AddrPort, period time.Duration) {
	n.t.Helper()
	if err := n.kernel().Hold(kernel.Held{Virtual: virtual, Servers: servers, Period: period}); err != nil {
		n.t.Fatal(err)
	}
}

var expires = regexp.MustCompile(` expires [0-9a-z]+`)

// held is the table of what is held as nft lists it, without how long its elements have left.
func (n node) held() string {
	n.t.Helper()
	return expires.ReplaceAllString(n.run("nft list table inet "+kernel.HoldTable), "")
}

// periods are how many elements have which time-out.
func (n node) periods() map[string]int {
	n.t.Helper()
	counts := map[string]int{}
	for _, match := range regexp.MustCompile(`timeout (\w+),? `).FindAllStringSubmatch(n.run("nft list table inet "+kernel.HoldTable), -1) {
		counts[match[1]]++
	}
	return counts
}

func (n node) hasPeriods(want map[string]int) {
	n.t.Helper()
	if diff := cmp.Diff(want, n.periods()); diff != "" {
		n.t.Errorf("elements with a time-out: -want +got\n%s", diff)
	}
}

const heldTable = `table inet lvs-operator-hold {
	set virtual-ipv4 {
		type ipv4_addr
		flags timeout
		elements = { 192.0.2.10 timeout 10s }
	}

	set real-ipv4 {
		type ipv4_addr . inet_service
		flags timeout
		elements = { 198.51.100.1 . 80 timeout 10s }
	}

	set real-ipv4-every-port {
		type ipv4_addr
		flags timeout
		elements = { 198.51.100.2 timeout 10s }
	}

	set virtual-ipv6 {
		type ipv6_addr
		flags timeout
		elements = { 2001:db8::10 timeout 10s }
	}

	set real-ipv6 {
		type ipv6_addr . inet_service
		flags timeout
		elements = { 2001:db8::1 . 443 timeout 10s }
	}

	set real-ipv6-every-port {
		type ipv6_addr
		flags timeout
		elements = { 2001:db8::2 timeout 10s }
	}

	chain input {
		type filter hook input priority 110; policy accept;
		meta skuid != 4294967295 accept
		ip daddr @virtual-ipv4 tcp flags ! rst tcp flags != syn / syn,ack counter packets 0 bytes 0 drop
		ip6 daddr @virtual-ipv6 tcp flags ! rst tcp flags != syn / syn,ack counter packets 0 bytes 0 drop
	}

	chain forward {
		type filter hook forward priority 110; policy accept;
		ip saddr . tcp sport @real-ipv4 counter packets 0 bytes 0 drop
		meta l4proto tcp ip saddr @real-ipv4-every-port counter packets 0 bytes 0 drop
		ip6 saddr . tcp sport @real-ipv6 counter packets 0 bytes 0 drop
		meta l4proto tcp ip6 saddr @real-ipv6-every-port counter packets 0 bytes 0 drop
	}
}
`

func TestTheTableOfWhatIsHeldCanBeRead(t *testing.T) {
	n := newNode(t)
	n.hold(addresses("192.0.2.10", "2001:db8::10"),
		endpoints("198.51.100.1:80", "198.51.100.2:0", "[2001:db8::1]:443", "[2001:db8::2]:0"), kernel.MaxHold)
	if diff := cmp.Diff(heldTable, n.held()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestHoldingAgainBeginsThePeriodAnew(t *testing.T) {
	n := newNode(t)
	virtual, servers := addresses("192.0.2.10", "2001:db8::10"), endpoints("198.51.100.1:80", "[2001:db8::1]:0")
	for _, period := range []string{"10s", "5s", "9s"} {
		long, err := time.ParseDuration(period)
		if err != nil {
			t.Fatal(err)
		}
		n.hold(virtual, servers, long)
		n.hasPeriods(map[string]int{period: 4})
	}
	n.hold(virtual[:1], nil, 7*time.Second)
	n.hasPeriods(map[string]int{"7s": 1, "9s": 3})
}

func TestHoldEndsByItself(t *testing.T) {
	n := newNode(t)
	n.hold(addresses("2001:db8::10"), nil, kernel.MaxHold)
	begin := time.Now()
	n.hold(addresses("192.0.2.10"), endpoints("198.51.100.1:80"), 500*time.Millisecond)
	// The end of a process closes its sockets, too.
	n.kernel().Close()
	left := n.periods()
	for left["500ms"] > 0 {
		left = n.periods()
	}
	if lasted := time.Since(begin); lasted < 500*time.Millisecond {
		t.Errorf("ended after %v", lasted)
	} else if lasted < kernel.MaxHold && left["10s"] != 1 {
		t.Errorf("after %v there are left %v", lasted, left)
	}
}

func TestHoldMakesItsTableWhereItIsNotAsItShouldBe(t *testing.T) {
	n := newNode(t)
	table := "inet " + kernel.HoldTable
	// An agent before this one, of another version, left it.
	n.shell("nft add table " + table)
	n.shell("nft add chain " + table + " input { type filter hook input priority 0; policy drop; }")
	n.shell("nft add set " + table + " virtual-ipv4 { type inet_service; }")
	if err := n.kernel().PrepareHold(nil); err != nil {
		t.Fatal(err)
	}
	empty := n.held()
	for _, gone := range []string{"policy drop", "priority 0", "elements"} {
		if strings.Contains(empty, gone) {
			t.Errorf("%q is left:\n%s", gone, empty)
		}
	}
	// A firewall is loaded again.
	n.run("nft flush ruleset")
	n.hold(addresses("192.0.2.10"), nil, kernel.MaxHold)
	n.hasPeriods(map[string]int{"10s": 1})
	if err := n.kernel().Unhold(); err != nil {
		t.Fatal(err)
	}
	n.hold(addresses("192.0.2.11"), nil, kernel.MaxHold)
	n.hasPeriods(map[string]int{"10s": 1})
}

func TestHoldAndMarksLeaveEachOtherAlone(t *testing.T) {
	n := newNode(t)
	rules := someMarks()
	n.do(&plan.SetMarks{Rules: rules})
	n.hold(addresses("192.0.2.10"), nil, kernel.MaxHold)
	n.listsMarks(rules)
	n.do(&plan.SetMarks{})
	n.hasPeriods(map[string]int{"10s": 1})
	n.do(&plan.SetMarks{Rules: rules})
	for range 2 {
		if err := n.kernel().Unhold(); err != nil {
			t.Fatal(err)
		}
	}
	n.listsMarks(rules)
	if left := n.run("nft list tables"); strings.TrimSpace(left) != "table inet lvs-operator" {
		t.Errorf("left: %s", left)
	}
}

func TestThousandsOfAddressesAreHeldAtOnce(t *testing.T) {
	n := newNode(t)
	begin := time.Now()
	if err := n.kernel().PrepareHold(nil); err != nil {
		t.Fatal(err)
	}
	t.Logf("the table: %v", time.Since(begin))
	for _, count := range []int{1, 250, 2500} {
		var virtual []netip.Addr
		var servers []netip.AddrPort
		for i := range count {
			address := netip.AddrFrom4([4]byte{10, 1, byte(i / 250), byte(i % 250)})
			virtual, servers = append(virtual, address), append(servers, netip.AddrPortFrom(address, 80))
		}
		took := make([]time.Duration, 4)
		for i := range took {
			begin := time.Now()
			n.hold(virtual, servers, kernel.MaxHold)
			took[i] = time.Since(begin)
		}
		t.Logf("%d virtual IPs and %d real servers: %v, then at best %v", count, count, took[0], slices.Min(took[1:]))
		if got := n.periods()["10s"]; got != 2*count {
			t.Errorf("held are %d, want %d", got, 2*count)
		}
	}
}
