// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package kernel_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/kernel"
)

// relays holds one virtual IP and one real server of each family, whose packets go to a director of each.
func (n node) relays(on, to4, to6 string) {
	n.t.Helper()
	for _, held := range []kernel.Held{
		{Virtual: addresses("192.0.2.10"), Servers: endpoints("198.51.100.1:80"), To: addresses(to4)[0]},
		{Virtual: addresses("2001:db8::10"), Servers: endpoints("[2001:db8::1]:0"), To: addresses(to6)[0]},
	} {
		held.Interface, held.Period = on, kernel.MaxHold
		if err := n.kernel().Hold(held); err != nil {
			n.t.Fatal(err)
		}
	}
}

// ruleset is all that nft lists, without how long elements have left.
func (n node) ruleset() string {
	n.t.Helper()
	return expires.ReplaceAllString(n.run("nft list ruleset"), "")
}

const relayedTable = `table ip lvs-operator-relay-eth0 {
	set relaying {
		type inet_proto
		flags timeout
		elements = { tcp timeout 10s }
	}

	map virtual-ipv4 {
		type ipv4_addr : ipv4_addr
		flags timeout
		elements = { 192.0.2.10 timeout 10s : 192.0.2.2 }
	}

	map real-ipv4 {
		type ipv4_addr . inet_service : ipv4_addr
		flags timeout
		elements = { 198.51.100.1 . 80 timeout 10s : 192.0.2.2 }
	}

	map real-ipv4-every-port {
		type ipv4_addr : ipv4_addr
		flags timeout
	}
`

func TestTheTablesThatSendPacketsOnCanBeReadAndReadBack(t *testing.T) {
	n := newNode(t)
	names := []string{"eth0", "eth0.100", "1st@r!ght"}
	for _, name := range names[1:] {
		n.run("ip link add " + name + " type veth")
	}
	for _, name := range names {
		n.relays(name, "192.0.2.2", "fe80::2")
	}
	listed := n.ruleset()
	if !strings.Contains(listed, relayedTable) {
		t.Errorf("not as in\n%s\nbut\n%s", relayedTable, listed)
	}
	for _, name := range names {
		if got := strings.Count(listed, ` device "`+name+`"`); got != 6 {
			t.Errorf("%d rules over %s, want 3 of each family", got, name)
		}
	}
	file := filepath.Join(t.TempDir(), "ruleset")
	if err := os.WriteFile(file, []byte(listed), 0o600); err != nil {
		t.Fatal(err)
	}
	n.run("nft flush ruleset")
	n.run("nft -f " + file)
	if diff := cmp.Diff(listed, n.ruleset()); diff != "" {
		t.Errorf("read back: -want +got\n%s", diff)
	}
}

func TestOfTwoNextHopsInARowTheSecondCounts(t *testing.T) {
	n := newNode(t)
	n.relays("eth0", "192.0.2.2", "2001:db8::2")
	n.relays("director-eth0", "192.0.2.2", "2001:db8::2")
	n.relays("eth0", "192.0.2.3", "2001:db8::3")
	for family, hops := range map[string][2]string{"ip": {" : 192.0.2.2 ", " : 192.0.2.3 "}, "ip6": {" : 2001:db8::2 ", " : 2001:db8::3 "}} {
		table := n.run("nft list table " + family + " " + kernel.RelayTableOf("eth0"))
		if strings.Count(table, hops[0]) != 0 || strings.Count(table, hops[1]) != 2 {
			t.Errorf("want%stwice alone:\n%s", hops[1], table)
		}
		if other := n.run("nft list table " + family + " " + kernel.RelayTableOf("director-eth0")); strings.Count(other, hops[0]) != 2 {
			t.Errorf("over the other interface want%stwice:\n%s", hops[0], other)
		}
	}
	n.hasPeriods(map[string]int{"10s": 4})
}

func TestARehearsalLeavesNothingHeld(t *testing.T) {
	n := newNode(t)
	if err := n.kernel().PrepareHold([]string{"eth0"}); err != nil {
		t.Fatal(err)
	}
	// Of each family the protocol of what is relayed is in its set.
	if listed := n.ruleset(); strings.Count(listed, "elements") != 2 || strings.Count(listed, ` device "eth0"`) != 6 {
		t.Errorf("want the tables, and no address in them:\n%s", listed)
	}
	n.relays("eth0", "192.0.2.2", "2001:db8::2")
	n.hasPeriods(map[string]int{"10s": 4})
}

func TestPacketsAreSentOnOverAnInterfaceThatIsMadeAgain(t *testing.T) {
	n := newNode(t)
	if err := n.kernel().PrepareHold([]string{"eth0"}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		n.relays("eth0", "192.0.2.2", "2001:db8::2")
		if listed := n.ruleset(); strings.Count(listed, ` device "eth0"`) != 6 {
			t.Errorf("the rules are not over eth0 of now:\n%s", listed)
		}
		n.run("ip link delete eth0")
		n.run("ip link add eth0 type veth peer name director-eth0")
	}
}

func TestPacketsAreDroppedWhereThereIsNoInterfaceToSendThemOnOver(t *testing.T) {
	n := newNode(t)
	if err := n.kernel().PrepareHold([]string{"eth7", "eth0"}); !errors.Is(err, kernel.ErrNoRelay) || !errors.Is(err, unix.ENODEV) {
		t.Errorf("prepared: %v", err)
	}
	if !strings.Contains(n.run("nft list tables"), "table ip6 "+kernel.RelayTableOf("eth0")) {
		t.Error("the other interface is not prepared")
	}
	held := kernel.Held{Virtual: addresses("192.0.2.10"), To: addresses("192.0.2.2")[0], Interface: "eth7", Period: kernel.MaxHold}
	if err := n.kernel().Hold(held); !errors.Is(err, kernel.ErrNoRelay) {
		t.Errorf("held: %v", err)
	}
	n.hasPeriods(map[string]int{"10s": 1})
}

func TestAllTablesGoWithTheLastDirector(t *testing.T) {
	n := newNode(t)
	n.relays("eth0", "192.0.2.2", "2001:db8::2")
	n.run("nft add table ip lvs-operator-relayed")
	// This process is another one than that which made them.
	later, err := kernel.Open(kernel.ProcSys)
	if err != nil {
		t.Fatal(err)
	}
	defer later.Close()
	for range 2 {
		if err := later.Unhold(); err != nil {
			t.Fatal(err)
		}
		if left := n.run("nft list tables"); left != "table ip lvs-operator-relayed\n" {
			t.Errorf("left:\n%s", left)
		}
	}
	n.relays("eth0", "192.0.2.2", "2001:db8::2")
	if err := later.PrepareHold([]string{"director-eth0"}); err != nil {
		t.Fatal(err)
	}
	if left := n.run("nft list tables"); strings.Contains(left, kernel.RelayTableOf("eth0")) {
		t.Errorf("a table of an earlier process is left:\n%s", left)
	}
}
