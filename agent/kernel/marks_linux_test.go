// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package kernel_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/agent/mark"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/test/network"
)

func networks(texts ...string) []netip.Prefix {
	var parsed []netip.Prefix
	for _, text := range texts {
		parsed = append(parsed, netip.MustParsePrefix(text))
	}
	return parsed
}

// someMarks are rules of every shape.
func someMarks() []mark.Rule {
	return mark.Canonical([]mark.Rule{
		{Mark: 1, Family: ipvs.IPv4, Destinations: networks("0.0.0.0/0"), Protocol: ipvs.TCP, Ports: []mark.PortRange{{First: 80, Last: 80}}},
		{Mark: 2, Family: ipvs.IPv6, Destinations: networks("::/0")},
		{Mark: 3, Family: ipvs.IPv4, Destinations: networks("192.0.2.10/32", "192.0.2.11/32"), VirtualIPs: true, Interface: "eth0"},
		{Mark: 3, Family: ipvs.IPv4, Destinations: networks("192.0.2.13/32", "192.0.2.15/32", "198.51.100.0/24"), Interface: "eth0"},
		{Mark: 3, Family: ipvs.IPv4, Destinations: networks("192.0.2.17/32"), Interface: "eth0"},
		{Mark: 4, Family: ipvs.IPv4, Destinations: networks("192.0.2.12/32"), VirtualIPs: true, Sources: networks("198.51.100.0/25", "203.0.113.7/32"),
			Protocol: ipvs.UDP, Ports: []mark.PortRange{{First: 53, Last: 53}, {First: 5000, Last: 65535}}},
		{Mark: 5, Family: ipvs.IPv6, Destinations: networks("2001:db8:1::/48", "2001:db8:3::/48"), Protocol: ipvs.SCTP,
			Sources: networks("2001:db8:ffff::/48")},
		{Mark: 6, Family: ipvs.IPv6, Destinations: networks("2001:db8::10/128"), VirtualIPs: true, Protocol: ipvs.TCP, Ports: []mark.PortRange{{First: 1, Last: 1023}}},
		{Mark: 4294967295, Family: ipvs.IPv4, Destinations: networks("198.51.100.0/25", "198.51.100.192/26", "255.255.255.0/24")},
	})
}

func (n node) readMarks() plan.Actual {
	n.t.Helper()
	actual, err := n.k.Read(n.t.Context(), kernel.Query{Marks: true})
	if err != nil {
		n.t.Fatal(err)
	}
	return actual
}

func (n node) do(operations ...plan.Operation) {
	n.t.Helper()
	for _, failure := range n.k.Apply(n.t.Context(), operations) {
		n.t.Fatalf("refused: %v", failure.Err)
	}
}

func (n node) listsMarks(want []mark.Rule) {
	n.t.Helper()
	actual := n.readMarks()
	if actual.MarksTampered {
		n.t.Error("the table is said to be changed by somebody")
	}
	if !slices.EqualFunc(actual.Marks, want, mark.Rule.Equal) {
		n.t.Errorf("read\n%v\nwant\n%v", actual.Marks, want)
	}
}

// listed are the rules that nft lists.
func (n node) listed() string {
	n.t.Helper()
	var lines []string
	for line := range strings.Lines(n.run("nft --numeric-protocol --numeric-priority list table inet " + mark.Table)) {
		if line = strings.TrimSpace(line); strings.Contains(line, "mark set") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func TestMarksAreReadAndListedAsTheyWereWritten(t *testing.T) {
	n := newNode(t)
	n.run("nft add table inet other")
	n.listsMarks(nil)
	n.do(&plan.SetMarks{})
	rules := someMarks()
	n.do(&plan.SetMarks{Rules: rules})
	n.do(&plan.SetMarks{Rules: rules})
	n.listsMarks(rules)
	var want []string
	for _, rule := range rules {
		want = append(want, rule.String())
	}
	if diff := cmp.Diff(strings.Join(want, "\n"), n.listed()); diff != "" {
		t.Errorf("-ours +nft\n%s", diff)
	}
	if table := n.run("nft --numeric-priority list table inet " + mark.Table); !strings.Contains(table, "type filter hook prerouting priority -150; policy accept;") {
		t.Errorf("the chain is\n%s", table)
	}
	// Networks side by side, which nft lists as one range, and up to the last address.
	side := mark.Canonical([]mark.Rule{{Mark: 1, Family: ipvs.IPv4, Destinations: networks("198.51.99.0/24", "198.51.100.0/24", "255.0.0.0/8")}})
	n.do(&plan.SetMarks{Rules: side})
	n.listsMarks(side)
	n.do(&plan.SetMarks{}, &plan.SetMarks{})
	n.listsMarks(nil)
	if left := n.run("nft list tables"); strings.TrimSpace(left) != "table inet other" {
		t.Errorf("left: %s", left)
	}
}

func TestWhatSomebodyChangesInOurTableIsNoticedAndRepaired(t *testing.T) {
	n := newNode(t)
	rules := someMarks()
	n.do(&plan.SetMarks{Rules: rules})
	ours := "inet " + mark.Table
	for _, command := range []string{
		"nft add rule " + ours + " prerouting tcp dport 22 meta mark set 0x1",
		"nft insert rule " + ours + " prerouting counter",
		"nft insert rule " + ours + " prerouting " + rules[0].String(),
		"nft insert rule " + ours + " prerouting socket transparent 1 accept",
		"nft delete rule " + ours + " prerouting handle %d",
		"nft replace rule " + ours + " prerouting handle %d counter " + rules[0].String(),
		"nft replace rule " + ours + " prerouting handle %d meta nfproto ipv4 tcp dport 80 meta mark set 0x00000001 accept",
		"nft flush chain " + ours + " prerouting",
		"nft add chain " + ours + " more",
		"nft add chain " + ours + " more { type filter hook input priority 0; policy drop; }",
		"nft add chain " + ours + " prerouting { policy drop; }",
		"nft add table " + ours + " { flags dormant; }",
		"nft delete table " + ours,
	} {
		if strings.Contains(command, "%d") {
			command = fmt.Sprintf(command, n.firstHandle())
		}
		n.shell(command)
		if actual := n.readMarks(); !actual.MarksTampered && slices.EqualFunc(actual.Marks, rules, mark.Rule.Equal) {
			t.Errorf("not noticed: %s", command)
		}
		n.do(&plan.SetMarks{Rules: rules})
		n.listsMarks(rules)
	}
	for what, chain := range map[string]string{
		"priority": "type filter hook prerouting priority 0", "hook": "type filter hook input priority -150", "type": "type nat hook prerouting priority -150",
	} {
		n.run("nft delete table " + ours)
		n.run("nft add table " + ours)
		n.shell("nft add chain " + ours + " prerouting { " + chain + "; }")
		n.shell("nft add rule " + ours + " prerouting " + rules[0].String())
		if actual := n.readMarks(); !actual.MarksTampered {
			t.Errorf("another %s of the chain is not noticed", what)
		}
	}
}

// shell runs one command of nft with its arguments in one, as braces and semicolons need.
func (n node) shell(command string) {
	n.t.Helper()
	if output, err := exec.Command("nft", strings.TrimPrefix(command, "nft ")).CombinedOutput(); err != nil {
		n.t.Fatalf("%s: %v\n%s", command, err, output)
	}
}

// firstHandle is the handle of a rule of our chain: the first that marks.
func (n node) firstHandle() int {
	n.t.Helper()
	for line := range strings.Lines(n.run("nft -a list chain inet " + mark.Table + " prerouting")) {
		if _, text, found := strings.Cut(line, " accept # handle "); found && strings.Contains(line, "mark set") {
			var handle int
			if _, err := fmt.Sscan(text, &handle); err == nil {
				return handle
			}
		}
	}
	n.t.Fatal("no rule in our chain")
	return 0
}

func TestThousandsOfMarksAreOneTransaction(t *testing.T) {
	n := newNode(t)
	var rules []mark.Rule
	for i := range 2000 {
		rules = append(rules, mark.Rule{Mark: uint32(i + 1), Family: ipvs.IPv4, Destinations: networks(fmt.Sprintf("10.%d.%d.0/24", i/250, i%250))})
	}
	rules = mark.Canonical(rules)
	begin := time.Now()
	n.do(&plan.SetMarks{Rules: rules})
	written := time.Now()
	n.listsMarks(rules)
	read := time.Now()
	n.listsMarks(rules)
	t.Logf("%d rules: written in %v, read in %v, read again unchanged in %v", len(rules), written.Sub(begin), read.Sub(written), time.Since(read))
}

func TestPolicyRoutesAreOursAlone(t *testing.T) {
	n := newNode(t)
	number := fmt.Sprint(mark.RoutingTable)
	for _, ip := range []string{"ip", "ip -6"} {
		n.run(ip + " rule add fwmark 9 lookup 9 priority 99")
		// The same as ours but for who added it.
		n.run(ip + " rule add fwmark 8 lookup " + number + " priority " + fmt.Sprint(mark.RulePriority))
		n.run(ip + " route add local default dev lo table 9")
	}
	before := n.run("ip rule") + n.run("ip -6 rule") + n.run("ip route show table 9") + n.run("ip -6 route show table 9")
	if actual := n.readMarks(); len(actual.Rules)+len(actual.Routes) > 0 {
		t.Errorf("taken for ours: %v, %v", actual.Rules, actual.Routes)
	}
	var add, remove []plan.Operation
	var rules []plan.PolicyRule
	for _, family := range []ipvs.Family{ipvs.IPv4, ipvs.IPv6} {
		add, remove = append(add, &plan.AddRoute{Family: family}), append(remove, &plan.DeleteRoute{Family: family})
		for _, value := range []uint32{7, 8, 4294967295} {
			rules = append(rules, plan.PolicyRule{Mark: value, Family: family})
			add, remove = append(add, &plan.AddRule{Mark: value, Family: family}), append(remove, &plan.DeleteRule{Mark: value, Family: family})
		}
	}
	for range 2 {
		n.do(add...)
		actual := n.readMarks()
		if diff := cmp.Diff(rules, actual.Rules); diff != "" {
			t.Errorf("rules: -want +got\n%s", diff)
		}
		if diff := cmp.Diff([]ipvs.Family{ipvs.IPv4, ipvs.IPv6}, actual.Routes); diff != "" {
			t.Errorf("routes: -want +got\n%s", diff)
		}
	}
	for ip, want := range map[string]string{"ip": "local default dev lo proto 76 scope host", "ip -6": "local default dev lo proto 76 metric 1024 pref medium"} {
		if route := strings.TrimSpace(n.run(ip + " route show table " + number)); route != want {
			t.Errorf("%s: route %q, want %q", ip, route, want)
		}
		if listed := n.run(ip + " rule"); strings.Count(listed, "fwmark 0x7 lookup 7676 proto 76") != 1 || strings.Count(listed, "fwmark 0xffffffff lookup 7676 proto 76") != 1 {
			t.Errorf("%s rule:\n%s", ip, listed)
		}
	}
	for range 2 {
		n.do(remove...)
		if actual := n.readMarks(); len(actual.Rules)+len(actual.Routes) > 0 {
			t.Errorf("left: %v, %v", actual.Rules, actual.Routes)
		}
	}
	if after := n.run("ip rule") + n.run("ip -6 rule") + n.run("ip route show table 9") + n.run("ip -6 route show table 9"); after != before {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
}

// firewall is a client that reaches a whole network through a director.
type firewall struct {
	t                *testing.T
	client, director *network.Host
	n                node
}

func newFirewall(t *testing.T) firewall {
	t.Helper()
	net, err := network.New("marks")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = net.Close() })
	client, err := net.AddHost("client", "192.0.2.1/24")
	if err != nil {
		t.Fatal(err)
	}
	director, err := net.AddHost("director", "192.0.2.2/24")
	if err != nil {
		t.Fatal(err)
	}
	f := firewall{t: t, client: client, director: director}
	f.on(client, "ip route add 198.51.100.0/24 via 192.0.2.2")
	f.on(client, "ip -6 address add 2001:db8::1/64 dev eth0 nodad")
	f.on(director, "ip -6 address add 2001:db8::2/64 dev eth0 nodad")
	f.on(client, "ip -6 route add 2001:db8:1::/48 via 2001:db8::2")
	if err := director.Do(func() error {
		k, err := kernel.Open(kernel.ProcSys)
		if err == nil {
			t.Cleanup(k.Close)
			f.n = node{t, k}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f firewall) on(host *network.Host, command string) string {
	output, err := host.Command(context.Background(), strings.Fields(command)...).CombinedOutput()
	if err != nil {
		f.t.Fatalf("%s: %s: %v: %s", host.Name(), command, err, output)
	}
	return string(output)
}

// transparent listens for connections to addresses that are not the host's own (IP_TRANSPARENT of ip(7)).
var transparent = net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
	var set error
	err := c.Control(func(fd uintptr) { set = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_TRANSPARENT, 1) })
	return errors.Join(err, set)
}}

// listens makes the director its own real server: a service gives it the packets as they are.
func (f firewall) listens() {
	f.t.Helper()
	if err := f.director.Do(func() error {
		listener, err := transparent.Listen(f.t.Context(), "tcp", ":80")
		if err == nil {
			f.t.Cleanup(func() { _ = listener.Close() })
		}
		return err
	}); err != nil {
		f.t.Fatal(err)
	}
}

// connects says whether the client can open a connection.
func (f firewall) connects(address string) bool {
	err := f.client.Do(func() error {
		conn, err := net.DialTimeout("tcp", address, 500*time.Millisecond)
		if err == nil {
			err = conn.Close()
		}
		return err
	})
	return err == nil
}

func TestMarkedPacketsForNobodysAddressReachTheServiceByMark(t *testing.T) {
	f := newFirewall(t)
	rules := mark.Canonical([]mark.Rule{
		{Mark: 7, Family: ipvs.IPv4, Destinations: networks("0.0.0.0/0"), Protocol: ipvs.TCP},
		{Mark: 8, Family: ipvs.IPv6, Destinations: networks("2001:db8:1::/48", "2001:db8::/64"), Protocol: ipvs.TCP, Interface: "eth0"},
	})
	f.listens()
	for _, command := range []string{
		"ipvsadm -A -f 7 -s rr", "ipvsadm -a -f 7 -r 192.0.2.2 -g", "ipvsadm -A -f 8 -6 -s rr", "ipvsadm -a -f 8 -6 -r [2001:db8::2]:0 -g",
	} {
		f.on(f.director, command)
	}
	far := []string{"198.51.100.9:80", "[2001:db8:1::9]:80"}
	own := []string{"192.0.2.2:80", "[2001:db8::2]:80"}
	for _, address := range far {
		if f.connects(address) {
			t.Errorf("%s is reached without a mark", address)
		}
	}
	f.n.do(&plan.SetMarks{Rules: rules})
	for _, rule := range rules {
		f.n.do(&plan.AddRoute{Family: rule.Family}, &plan.AddRule{Mark: rule.Mark, Family: rule.Family})
	}
	for _, address := range append(far, own...) {
		if !f.connects(address) {
			t.Errorf("%s is not reached", address)
		}
	}
	// IPVS has the connections to the far addresses; those to the director's own are nobody's but its own.
	connections := f.on(f.director, "ipvsadm -L -n -c")
	for _, address := range far {
		if strings.Count(connections, " "+address+" ") != 1 {
			t.Errorf("IPVS has not one connection to %s:\n%s", address, connections)
		}
	}
	if strings.Count(connections, "TCP") != len(far) {
		t.Errorf("IPVS has other connections, too:\n%s", connections)
	}
}

func TestPacketsToTheDirectorsOwnAddressAreMarkedOnlyIfItIsAVirtualIP(t *testing.T) {
	f := newFirewall(t)
	f.listens()
	f.on(f.director, "ipvsadm -A -f 7 -s rr")
	f.on(f.director, "ipvsadm -a -f 7 -r 192.0.2.2 -g")
	for _, virtual := range []bool{false, true} {
		f.n.do(&plan.SetMarks{Rules: []mark.Rule{{Mark: 7, Family: ipvs.IPv4, Destinations: networks("192.0.2.2/32"), VirtualIPs: virtual}}})
		if !f.connects("192.0.2.2:80") {
			t.Errorf("virtual IP %v: it is not reached", virtual)
		}
		connections := f.on(f.director, "ipvsadm -L -n -c")
		if balanced := strings.Contains(connections, " 192.0.2.2:80 "); balanced != virtual {
			t.Errorf("virtual IP %v: IPVS has\n%s", virtual, connections)
		}
	}
}

func TestMarksAreReadOnlyForWhoAsks(t *testing.T) {
	n := newNode(t)
	n.do(&plan.SetMarks{Rules: someMarks()}, &plan.AddRoute{Family: ipvs.IPv4}, &plan.AddRule{Mark: 1, Family: ipvs.IPv4})
	actual, err := n.k.Read(t.Context(), kernel.Query{})
	if err != nil || len(actual.Addresses) == 0 || len(actual.Marks)+len(actual.Routes)+len(actual.Rules) > 0 {
		t.Errorf("read %+v, %v", actual, err)
	}
}

func TestMarksThatCannotBeReadKeepNoAddressFromBeingRead(t *testing.T) {
	n := newNode(t)
	n.do(&plan.SetMarks{Rules: someMarks()}, &plan.AddRoute{Family: ipvs.IPv4})
	why := errors.New("no time left")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	actual, err := n.k.Read(ctx, kernel.Query{Marks: true})
	if err != nil || len(actual.Addresses) == 0 || !errors.Is(actual.MarksErr, why) || len(actual.Marks)+len(actual.Routes) > 0 {
		t.Errorf("read %+v, %v", actual, err)
	}
}
