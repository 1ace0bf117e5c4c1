// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package ipvsnet_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/ipvs/ipvsnet"
	"github.com/lvs-operator/lvs-operator/agent/ipvs/wire"
)

// These tests run as root on a kernel with IPVS. Each makes a network namespace of its own and stays on one thread in it.

func TestMain(m *testing.M) {
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "the kernel tests make network namespaces: run them as root")
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// director is the kernel of a new network namespace that has routes to the real servers of the tests.
type director struct {
	t *testing.T
	*ipvsnet.Client
}

func newDirector(t *testing.T) director {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatalf("make a network namespace: %v (run as root)", err)
	}
	client, err := ipvsnet.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	d := director{t, client}
	d.run("ip link set lo up")
	d.run("ip link add eth0 type veth peer name eth1")
	d.run("ip link set eth1 up")
	d.run("ip link set eth0 up")
	d.run("ip address add 192.0.2.1/24 dev eth0")
	d.run("ip address add 2001:db8::1/64 dev eth0 nodad")
	if err := d.Ready(); err != nil {
		t.Fatal(err)
	}
	// The kernel lists the services of all namespaces by their place in one table: those of a namespace that ends later would
	// make the next test miss some of its own.
	t.Cleanup(func() { _ = d.Change(context.Background(), wire.Request.Flush) })
	return d
}

// run runs a tool of the host in the test's namespace and returns what it prints.
func (d director) run(command string) string {
	d.t.Helper()
	fields := strings.Fields(command)
	output, err := exec.Command(fields[0], fields[1:]...).CombinedOutput()
	if err != nil {
		d.t.Fatalf("%s: %v\n%s", command, err, output)
	}
	return string(output)
}

// add adds services and their destinations in one Write, which has to succeed.
func (d director) add(table ipvs.Table) {
	d.t.Helper()
	for _, failure := range d.Write(d.t.Context(), messages(table), addition(table)) {
		d.t.Errorf("message %d of %d: %v", failure.Index, messages(table), failure.Err)
	}
}

// messages is how many it takes to add the table.
func messages(table ipvs.Table) int {
	n := len(table)
	for _, entry := range table {
		n += len(entry.Destinations)
	}
	return n
}

// addition is what Write calls to add the table: each service, and then its destinations.
func addition(table ipvs.Table) func(r wire.Request, b []byte, i int) []byte {
	type place struct{ entry, destination int }
	var places []place
	for e, entry := range table {
		places = append(places, place{e, -1})
		for d := range entry.Destinations {
			places = append(places, place{e, d})
		}
	}
	return func(r wire.Request, b []byte, i int) []byte {
		entry := table[places[i].entry]
		if places[i].destination < 0 {
			return r.NewService(b, entry.Service)
		}
		return r.NewDest(b, entry.Service.Key, entry.Destinations[places[i].destination])
	}
}

// change makes one change, which has to succeed.
func (d director) change(encode func(r wire.Request, b []byte) []byte) {
	d.t.Helper()
	if err := d.Change(d.t.Context(), encode); err != nil {
		d.t.Fatal(err)
	}
}

// table reads everything.
func (d director) table() ipvs.Table {
	d.t.Helper()
	services, err := d.Services()
	if err != nil {
		d.t.Fatal(err)
	}
	var table ipvs.Table
	for _, service := range services {
		destinations, _, err := d.Destinations(service.Key, nil, nil)
		if err != nil {
			d.t.Fatal(err)
		}
		table = append(table, ipvs.Entry{Service: service, Destinations: destinations})
	}
	table.Sort()
	return table
}

// holds checks that what is read is the table.
func (d director) holds(want ipvs.Table) {
	d.t.Helper()
	if got := d.table(); !got.Equal(want) {
		d.t.Errorf("read (+), written (-):\n%s", cmp.Diff(want.String(), got.String()))
	}
}

// saved is what ipvsadm saves, its lines sorted: it has an order of its own.
func (d director) saved() []string { return lines(d.run("ipvsadm -S -n")) }

func lines(text string) []string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	slices.Sort(lines)
	return lines
}

func key(text string, protocol ipvs.Protocol) ipvs.ServiceKey {
	at := netip.MustParseAddrPort(text)
	return ipvs.ServiceKey{Address: at.Addr(), Port: at.Port(), Protocol: protocol}
}

func destination(text string, method ipvs.Method, weight uint32) ipvs.Destination {
	at := netip.MustParseAddrPort(text)
	return ipvs.Destination{Address: at.Addr(), Port: at.Port(), Method: method, Weight: weight}
}
