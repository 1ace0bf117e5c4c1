// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package kernel_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/agent/kernel/kerneltest"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// These tests run as root. Each makes a network namespace of its own, with lo and eth0, and stays on one thread in it.

var (
	vip = netip.MustParseAddr("192.0.2.10")
	// pool is ours, in every address family.
	pool = ipvs.Ownership{
		Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/64")},
		Marks:    []ipvs.MarkRange{{First: 100, Last: 199}},
	}
)

// wanted is what a node should be.
type wanted struct {
	plan.In
	// Services are the services of pool.
	Services ipvs.Table
}

// node is a kernel under test.
type node struct {
	t *testing.T
	k readApplier
}

// readApplier is what the kernel and the one in memory have in common.
type readApplier interface {
	Read(context.Context, kernel.Query) (plan.Actual, error)
	Table(context.Context, func(ipvs.ServiceKey) bool) ([]ipvs.Reading, error)
	Apply(context.Context, []plan.Operation) []kernel.Failure
}

// newNode is the kernel of a new network namespace.
func newNode(t *testing.T) node {
	t.Helper()
	return node{t, newKernel(t)}
}

// newKernel moves the test's goroutine into a new network namespace, for good: the thread ends with it.
func newKernel(t *testing.T) *kernel.Kernel {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatalf("make a network namespace: %v (run as root)", err)
	}
	pair := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "eth0"}, PeerName: "director-eth0"}
	if err := netlink.LinkAdd(pair); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"lo", "eth0", "director-eth0"} {
		link, err := netlink.LinkByName(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := netlink.LinkSetUp(link); err != nil {
			t.Fatal(err)
		}
	}
	k, err := kernel.Open(kernel.ProcSys)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

// newDirector is a node with IPVS.
func newDirector(t *testing.T) node {
	t.Helper()
	k := newKernel(t)
	if err := k.Preflight(); err != nil {
		t.Fatal(err)
	}
	n := node{t, k}
	// The kernel lists the services of all namespaces by their place in one table: those of a namespace that ends later would
	// make the next test miss some of its own.
	t.Cleanup(func() { n.run("ipvsadm -C") })
	return n
}

// run runs a tool of the host in the test's namespace and returns what it prints.
func (n node) run(command string) string {
	n.t.Helper()
	fields := strings.Fields(command)
	output, err := exec.Command(fields[0], fields[1:]...).CombinedOutput()
	if err != nil {
		n.t.Fatalf("%s: %v\n%s", command, err, output)
	}
	return string(output)
}

func (n node) read(in plan.In) plan.Actual {
	n.t.Helper()
	query := kernel.Query{Sysctls: in.Sysctls(), Links: true}
	for _, link := range in.Links {
		query.LinkNames = append(query.LinkNames, link.Name)
	}
	actual, err := n.k.Read(n.t.Context(), query)
	if err != nil {
		n.t.Fatal(err)
	}
	return actual
}

// table reads the services of pool. A node without IPVS has none.
func (n node) table() []ipvs.Reading {
	n.t.Helper()
	readings, err := n.k.Table(n.t.Context(), pool.Owns)
	if err != nil && !errors.Is(err, kernel.ErrNoIPVS) {
		n.t.Fatal(err)
	}
	return readings
}

// plan is the operations that bring the kernel to what is wanted.
func (n node) plan(want wanted) []plan.Operation {
	n.t.Helper()
	want.Actual = n.read(want.In)
	steps := plan.Plan(want.In)
	ledger, now := plan.NewLedger(), time.Now()
	ledger.LearnAll(n.table(), now)
	for _, entry := range want.Services {
		ledger.Want(&plan.Wanted{Entry: entry}, now)
	}
	services, _ := ledger.Plan(now, math.MaxInt)
	return slices.Concat(steps.Before, services, steps.After)
}

// reach brings the kernel to what is wanted, checks that nothing is left to do, and returns what was done.
func (n node) reach(want wanted) []plan.Operation {
	n.t.Helper()
	operations := n.plan(want)
	for _, failure := range n.k.Apply(n.t.Context(), operations) {
		n.t.Fatalf("refused: %v", failure.Err)
	}
	if again := n.plan(want); len(again) > 0 {
		n.t.Fatalf("planned again: %v", again)
	}
	return operations
}

// refused applies one operation and returns the error.
func (n node) refused(operation plan.Operation) error {
	n.t.Helper()
	failures := n.k.Apply(n.t.Context(), []plan.Operation{operation})
	if len(failures) != 1 {
		n.t.Fatalf("%s: %d failures, want 1", operation, len(failures))
	}
	return failures[0].Err
}

func service(port uint16, scheduler string) ipvs.Service {
	return ipvs.Service{Key: ipvs.ServiceKey{Address: vip, Port: port, Protocol: ipvs.TCP}, Scheduler: scheduler}
}

func destination(address string, port uint16, method ipvs.Method, weight uint32) ipvs.Destination {
	return ipvs.Destination{Address: netip.MustParseAddr(address), Port: port, Method: method, Weight: weight}
}

// director holds the virtual IP on eth0 and has a route to the real servers.
func director(table ipvs.Table) wanted {
	return wanted{
		Services: table,
		In:       plan.In{DirectorAddresses: []plan.InterfaceAddress{{Interface: "eth0", Address: vip}}},
	}
}

func (n node) connectToTheSubnet() { n.run("ip address add 192.0.2.114/24 dev eth0") }

func TestEverySchedulerWithEveryMethod(t *testing.T) {
	n := newDirector(t)
	n.connectToTheSubnet()
	var table ipvs.Table
	port := uint16(8000)
	for _, scheduler := range []string{"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh"} {
		for _, method := range []ipvs.Method{ipvs.Masquerade, ipvs.Tunnelling, ipvs.DirectRoute} {
			for _, protocol := range []ipvs.Protocol{ipvs.TCP, ipvs.UDP, ipvs.SCTP} {
				port++
				added := service(port, scheduler)
				added.Key.Protocol = protocol
				added.PersistenceTimeout = uint32(port % 2 * 300)
				table = append(table, ipvs.Entry{Service: added, Destinations: []ipvs.Destination{
					destination("192.0.2.111", port, method, 3), destination("192.0.2.115", port, method, 0),
				}})
			}
		}
	}
	table.Sort()
	n.reach(director(table))
	if diff := cmp.Diff(table.String(), n.run("ipvsadm -S -n")); diff != "" {
		t.Errorf("ipvsadm reads (+) what was not wanted (-):\n%s", diff)
	}
	if diff := cmp.Diff(table.String(), readByMoby(t).String()); diff != "" {
		t.Errorf("moby/ipvs reads (+) what was not wanted (-):\n%s", diff)
	}

	n.reach(wanted{})
	if left := n.run("ipvsadm -S -n"); left != "" {
		t.Errorf("left over:\n%s", left)
	}
}

func TestWeightChangesUnderALivingConnection(t *testing.T) {
	n := newDirector(t)
	n.run("ip address add 192.0.2.11/32 dev lo")
	listener, err := net.Listen("tcp", "192.0.2.11:80")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	go echo(listener)

	want := func(weight uint32, scheduler string) wanted {
		return director(ipvs.Table{{
			Service:      service(8080, scheduler),
			Destinations: []ipvs.Destination{destination("192.0.2.11", 80, ipvs.Masquerade, weight)},
		}})
	}
	n.reach(want(3, "wrr"))
	connection, err := net.Dial("tcp", "192.0.2.10:8080")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	say(t, connection, "before")

	changes := n.reach(want(1, "wlc"))
	if len(changes) != 2 {
		t.Errorf("changes %v, want one of the service and one of the destination", changes)
	}
	say(t, connection, "after")
	if list := strings.Join(strings.Fields(n.run("ipvsadm -L -n")), " "); !strings.Contains(list, "192.0.2.11:80 Masq 1 1 0") {
		t.Errorf("weight 1 with 1 active connection is not in: %s", list)
	}
}

// echo sends back what one connection says.
func echo(listener net.Listener) {
	connection, err := listener.Accept()
	if err != nil {
		return
	}
	_, _ = io.Copy(connection, connection)
	_ = connection.Close()
}

func say(t *testing.T, connection net.Conn, text string) {
	t.Helper()
	if err := connection.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(connection, text); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, len(text))
	if _, err := io.ReadFull(connection, answer); err != nil || string(answer) != text {
		t.Fatalf("%s: answer %q, %v", text, answer, err)
	}
}

func TestServicesOfOthersAreLeftAlone(t *testing.T) {
	n := newDirector(t)
	n.connectToTheSubnet()
	n.run("ipvsadm -A -u 198.51.100.1:80 -s sh -p 50 -o")
	n.run("ipvsadm -a -u 198.51.100.1:80 -r 192.0.2.111:80 -m -w 7 -x 10 -y 5")
	n.run("ipvsadm -A -f 5 -s rr")
	n.run("ip address add 192.0.2.10/24 dev eth0")
	before := n.run("ipvsadm -S -n")
	addresses := n.run("ip -o -4 address show")

	n.reach(director(ipvs.Table{{Service: service(80, "rr")}}))
	n.reach(wanted{})
	if diff := cmp.Diff(before, n.run("ipvsadm -S -n")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(addresses, n.run("ip -o -4 address show")); diff != "" {
		t.Error(diff)
	}
}

func TestDriftIsRepaired(t *testing.T) {
	n := newDirector(t)
	n.connectToTheSubnet()
	in := director(ipvs.Table{{Service: service(80, "wrr"), Destinations: []ipvs.Destination{
		destination("192.0.2.111", 80, ipvs.DirectRoute, 3), destination("192.0.2.115", 80, ipvs.Tunnelling, 3),
	}}})
	n.reach(in)
	tidy := func() string {
		return n.run("ipvsadm -S -n") + n.run("ipvsadm -L -n --thresholds") + n.run("ip -o -4 address show dev eth0")
	}
	want := tidy()
	for _, drift := range []string{
		"ipvsadm -E -t 192.0.2.10:80 -s rr",
		"ipvsadm -E -t 192.0.2.10:80 -s wrr -p 60",
		"ipvsadm -E -t 192.0.2.10:80 -s wrr -p 60 -M 255.255.255.0",
		"ipvsadm -e -t 192.0.2.10:80 -r 192.0.2.111:80 -g -w 9",
		"ipvsadm -e -t 192.0.2.10:80 -r 192.0.2.111:80 -m -w 3",
		"ipvsadm -e -t 192.0.2.10:80 -r 192.0.2.111:80 -g -w 3 -x 10 -y 5",
		"ipvsadm -e -t 192.0.2.10:80 -r 192.0.2.115:80 -i -w 3 --tun-type gue --tun-port 6080",
		"ipvsadm -d -t 192.0.2.10:80 -r 192.0.2.111:80",
		"ipvsadm -a -t 192.0.2.10:80 -r 192.0.2.112:80 -g",
		"ipvsadm -D -t 192.0.2.10:80",
		"ipvsadm -A -u 192.0.2.10:53 -s rr",
		"ipvsadm -C",
		"ip address del 192.0.2.10/32 dev eth0",
	} {
		n.run(drift)
		if tidy() == want {
			t.Errorf("%s changed nothing", drift)
		}
		if repaired := n.reach(in); len(repaired) == 0 {
			t.Errorf("%s went unnoticed", drift)
		}
		if diff := cmp.Diff(want, tidy()); diff != "" {
			t.Errorf("after %s: %s", drift, diff)
		}
	}
}

func TestAnAgentThatReturnsRecognisesItsOwn(t *testing.T) {
	n := newDirector(t)
	n.connectToTheSubnet()
	in := director(ipvs.Table{{Service: service(80, "rr"), Destinations: []ipvs.Destination{destination("192.0.2.111", 80, ipvs.DirectRoute, 1)}}})
	in.DirectorAddresses = append(in.DirectorAddresses, plan.InterfaceAddress{Interface: "director-eth0", Address: vip})
	in.RealServerAddresses = []netip.Addr{netip.MustParseAddr("192.0.2.20")}
	n.reach(in)

	k, err := kernel.Open(kernel.ProcSys)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	returned := node{t, k}
	if changes := returned.reach(in); len(changes) != 0 {
		t.Errorf("changes of a director that returns: %v", changes)
	}
	in.DirectorAddresses, in.RealServerAddresses = nil, nil
	if changes := fmt.Sprint(returned.reach(in)); strings.Count(changes, "ip address del") != 3 {
		t.Errorf("changes of a director that is Backup now: %v", changes)
	}
}

func TestRealServerComesAndGoesWithoutATrace(t *testing.T) {
	n := newNode(t)
	n.run("sysctl -q -w net.ipv4.conf.all.arp_ignore=2")
	names := []string{
		"net.ipv4.conf.lo.arp_ignore", "net.ipv4.conf.lo.arp_announce",
		"net.ipv4.conf.all.arp_ignore", "net.ipv4.conf.all.arp_announce", "net.ipv4.ip_forward",
	}
	trace := func() string { return n.run("ip -o -4 address show") + n.run("sysctl "+strings.Join(names, " ")) }
	before := trace()

	in := plan.In{RealServerAddresses: []netip.Addr{vip}, Forwarding: []ipvs.Family{ipvs.IPv4}}
	in.Actual = n.read(in)
	in.Found = plan.NewlyFound(in, plan.Plan(in).All())
	n.reach(wanted{In: in})
	if lo := n.run("ip -o -4 address show dev lo"); !strings.Contains(lo, "inet 192.0.2.10/32 scope host lo:lvs") {
		t.Errorf("lo has %s", lo)
	}
	if got := strings.Fields(n.run("sysctl -n " + strings.Join(names, " "))); !slices.Equal(got, []string{"1", "2", "1", "2", "1"}) {
		t.Errorf("sysctls %v", got)
	}

	n.run("sysctl -q -w net.ipv4.conf.all.arp_ignore=0")
	n.run("ip address del 192.0.2.10/32 dev lo")
	if repaired := n.reach(wanted{In: in}); len(repaired) != 2 {
		t.Errorf("repaired %v", repaired)
	}

	released := plan.In{Found: in.Found}
	n.reach(wanted{In: released})
	if diff := cmp.Diff(before, trace()); diff != "" {
		t.Error(diff)
	}
	released.Actual = n.read(released)
	if restored := plan.Restored(released); len(restored) != len(names) {
		t.Errorf("restored %v", restored)
	}
}

func TestVirtualIPsCarryOurMarks(t *testing.T) {
	n := newNode(t)
	n.connectToTheSubnet()
	n.reach(wanted{In: plan.In{DirectorAddresses: []plan.InterfaceAddress{
		{Interface: "eth0", Address: vip}, {Interface: "director-eth0", Address: vip},
	}}})
	if got := n.run("ip -o -4 address show dev eth0"); !strings.Contains(got, "inet 192.0.2.10/32 scope global") || !strings.Contains(got, " eth0:lvs\\") {
		t.Errorf("eth0 has %s", got)
	}
	for _, address := range n.read(plan.In{}).Addresses {
		if want := address.Prefix.Addr() == vip; address.Ours != want && address.Interface != "lo" {
			t.Errorf("%+v: ours should be %v", address, want)
		}
	}
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	n := newDirector(t)
	n.connectToTheSubnet()
	web := service(80, "rr")
	for _, c := range []struct {
		operation plan.Operation
		want      []string
	}{
		{&plan.AddService{Service: service(81, "nope")}, []string{"add service 192.0.2.10:81/TCP", "load the module ip_vs_nope"}},
		{
			&plan.AddDestination{Service: web.Key, Destination: destination("192.0.2.111", 80, ipvs.DirectRoute, 1)},
			[]string{"add destination 192.0.2.111:80 to 192.0.2.10:80/TCP", "the service does not exist"},
		},
		{&plan.AddAddress{Interface: "eth9", Prefix: netip.PrefixFrom(vip, 32)}, []string{"add address 192.0.2.10/32 to interface eth9", "the interface does not exist"}},
		{&plan.SetSysctl{Name: "net.ipv4.conf.eth9.arp_ignore", Value: "1"}, []string{"set sysctl net.ipv4.conf.eth9.arp_ignore to 1"}},
	} {
		err := n.refused(c.operation)
		for _, part := range c.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v, which lacks %q", c.operation, err, part)
			}
		}
	}
	n.reach(wanted{Services: ipvs.Table{{Service: web}}})
	multicast := &plan.AddDestination{Service: web.Key, Destination: destination("224.0.0.1", 80, ipvs.DirectRoute, 1)}
	if err := n.refused(multicast); !strings.Contains(err.Error(), "unicast") {
		t.Errorf("%s: %v", multicast, err)
	}
}

func TestOneRefusalStopsNothingElse(t *testing.T) {
	n := newDirector(t)
	in := director(ipvs.Table{{Service: service(80, "nope")}, {Service: service(81, "rr")}})
	if failures := n.k.Apply(t.Context(), n.plan(in)); len(failures) != 1 {
		t.Errorf("failures %v", failures)
	}
	if got := n.run("ipvsadm -S -n"); got != "-A -t 192.0.2.10:81 -s rr\n" {
		t.Errorf("table:\n%s", got)
	}
	if got := n.run("ip -o -4 address show dev eth0"); !strings.Contains(got, "192.0.2.10/32") {
		t.Errorf("eth0 has %q", got)
	}
}

func TestLateOperationsAreNoErrors(t *testing.T) {
	n := newDirector(t)
	n.connectToTheSubnet()
	web, tomcat := service(80, "rr"), destination("192.0.2.111", 80, ipvs.DirectRoute, 1)
	address := netip.PrefixFrom(vip, 32)
	late := []plan.Operation{
		&plan.DeleteDestination{Service: web.Key, Destination: tomcat.Key()},
		&plan.DeleteService{Service: web.Key},
		&plan.DeleteAddress{Interface: "eth0", Prefix: address},
		&plan.DeleteAddress{Interface: "eth9", Prefix: address},
		&plan.UpdateService{Service: web},
		&plan.AddService{Service: web},
		&plan.DeleteDestination{Service: web.Key, Destination: tomcat.Key()},
		&plan.UpdateDestination{Service: web.Key, Destination: tomcat},
		&plan.AddDestination{Service: web.Key, Destination: tomcat},
		&plan.AddAddress{Interface: "eth0", Prefix: address},
		&plan.AddAddress{Interface: "eth0", Prefix: address},
	}
	for _, failure := range n.k.Apply(t.Context(), late) {
		t.Error(failure.Err)
	}
	if got := n.run("ipvsadm -S -n"); got != "-A -t 192.0.2.10:80 -s rr\n-a -t 192.0.2.10:80 -r 192.0.2.111:80 -g -w 1\n" {
		t.Errorf("table:\n%s", got)
	}
}

func TestKernelInMemoryAnswersAsTheRealOne(t *testing.T) {
	n := newDirector(t)
	n.connectToTheSubnet()
	n.run("sysctl -q -w net.ipv4.ip_forward=0")
	memory := kerneltest.New("eth0", "director-eth0")
	settings := plan.In{Settings: []plan.Setting{{Name: "net.ipv4.ip_forward", Value: "1"}}, Links: []plan.Link{virtualLink}}
	n.run("sysctl -q -w net.ipv4.conf.eth0.arp_ignore=0 net.ipv4.conf.eth0.arp_announce=0")
	memory.Preset(nil, n.read(settings))

	web, dns := service(80, "rr"), service(53, "sh")
	one, two := destination("192.0.2.111", 80, ipvs.DirectRoute, 1), destination("192.0.2.115", 8080, ipvs.Masquerade, 0)
	address := netip.PrefixFrom(vip, 32)
	for _, operation := range []plan.Operation{
		&plan.AddDestination{Service: web.Key, Destination: one},
		&plan.UpdateDestination{Service: web.Key, Destination: one},
		&plan.DeleteDestination{Service: web.Key, Destination: one.Key()},
		&plan.AddService{Service: web},
		&plan.AddDestination{Service: web.Key, Destination: one},
		&plan.UpdateDestination{Service: web.Key, Destination: two},
		&plan.AddDestination{Service: web.Key, Destination: destination("192.0.2.111", 80, ipvs.Tunnelling, 7)},
		&plan.UpdateService{Service: service(80, "wlc")},
		&plan.UpdateService{Service: dns},
		&plan.AddAddress{Interface: "eth0", Prefix: address},
		&plan.AddAddress{Interface: "lo", Prefix: address},
		&plan.AddAddress{Interface: "lo", Prefix: address},
		&plan.AddAddress{Interface: "eth9", Prefix: address},
		&plan.DeleteAddress{Interface: "eth9", Prefix: address},
		&plan.DeleteAddress{Interface: "lo", Prefix: netip.PrefixFrom(vip, 24)},
		&plan.SetLink{Name: virtualLink.Name},
		&plan.SetLink{Name: virtualLink.Name, Up: true},
		&plan.DeleteLink{Name: virtualLink.Name},
		&plan.AddLink{Link: plan.Link{Name: virtualLink.Name, Parent: "eth9", MAC: virtualLink.MAC}},
		&plan.AddLink{Link: plan.Link{Name: "director-eth0", Parent: "eth0", MAC: virtualLink.MAC}},
		&plan.SetLink{Name: "director-eth0"},
		&plan.DeleteLink{Name: "eth0"},
		&plan.AddLink{Link: virtualLink},
		&plan.AddLink{Link: virtualLink},
		&plan.SetLink{Name: virtualLink.Name, Up: true},
		&plan.AddLink{Link: plan.Link{Name: "lvs4-67-eth0", Parent: "eth0", MAC: virtualLink.MAC}},
		&plan.SetLink{Name: "lvs4-67-eth0", Up: true},
		&plan.DeleteLink{Name: "lvs4-67-eth0"},
		&plan.AddAddress{Interface: virtualLink.Name, Prefix: address},
		&plan.AddAddress{Interface: virtualLink.Name, Prefix: netip.PrefixFrom(vip6, 128)},
		&plan.SetLink{Name: virtualLink.Name},
		&plan.DeleteLink{Name: virtualLink.Name},
		&plan.DeleteLink{Name: virtualLink.Name},
		&plan.SetSysctl{Name: "net.ipv4.ip_forward", Value: "1"},
		&plan.DeleteDestination{Service: web.Key, Destination: two.Key()},
		&plan.DeleteDestination{Service: web.Key, Destination: two.Key()},
		&plan.DeleteService{Service: dns.Key},
		&plan.DeleteService{Service: dns.Key},
		&plan.DeleteAddress{Interface: "eth0", Prefix: address},
		&plan.DeleteService{Service: web.Key},
	} {
		real, simulated := n.k.Apply(t.Context(), []plan.Operation{operation}), memory.Apply(t.Context(), []plan.Operation{operation})
		if len(real) != len(simulated) {
			t.Errorf("%s: the kernel refused %v, the one in memory %v", operation, real, simulated)
		}
		if diff := cmp.Diff(n.view(settings), node{t, memory}.view(settings)); diff != "" {
			t.Errorf("after %s the kernel has (-) and the one in memory (+):\n%s", operation, diff)
		}
	}
}

// view is what is read, as sorted lines.
func (n node) view(in plan.In) []string {
	n.t.Helper()
	actual := n.read(in)
	var table ipvs.Table
	for _, reading := range n.table() {
		table = append(table, reading.Entry)
	}
	lines := strings.Split(table.String(), "\n")
	for _, address := range actual.Addresses {
		lines = append(lines, fmt.Sprintf("%+v", address))
	}
	for _, link := range actual.Links {
		lines = append(lines, fmt.Sprintf("%+v", link))
	}
	for name, value := range actual.Sysctls {
		lines = append(lines, name+"="+value)
	}
	slices.Sort(lines)
	return lines
}

func TestCancelledApplyRefusesTheRest(t *testing.T) {
	n := newNode(t)
	stopped := errors.New("the agent stops")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stopped)
	failures := n.k.Apply(ctx, []plan.Operation{&plan.AddAddress{Interface: "eth0", Prefix: netip.PrefixFrom(vip, 32)}})
	if len(failures) != 1 || !errors.Is(failures[0].Err, stopped) {
		t.Errorf("failures %v", failures)
	}
}

func TestChangedAddressesAreSignalled(t *testing.T) {
	k := newKernel(t)
	n := node{t, k}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	changed, err := k.Subscribe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	n.connectToTheSubnet()
	select {
	case <-changed:
	case <-time.After(10 * time.Second):
		t.Fatal("no signal")
	}
	cancel()
	deadline := time.After(10 * time.Second)
	for {
		select {
		case _, open := <-changed:
			if !open {
				return
			}
		case <-deadline:
			t.Fatal("the channel stays open after the end")
		}
	}
}

func TestMain(m *testing.M) {
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "the kernel tests make network namespaces: run them as root")
		os.Exit(1)
	}
	os.Exit(m.Run())
}
