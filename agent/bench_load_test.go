// SPDX-License-Identifier: Apache-2.0

//go:build bench

package agent

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	mobyipvs "github.com/moby/ipvs"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/ipvs/wire"
	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// benchTable is the size of a table.
type benchTable struct{ services, realServers int }

func (b benchTable) String() string {
	return fmt.Sprintf("%d services x %d real servers", b.services, b.realServers)
}

// entry is the i-th service of the table.
func (b benchTable) entry(i int) ipvs.Entry {
	entry := ipvs.Entry{Service: ipvs.Service{
		Key: ipvs.ServiceKey{Address: b.vip(i), Port: 80, Protocol: ipvs.TCP}, Scheduler: "wrr",
	}}
	for j := range b.realServers {
		entry.Destinations = append(entry.Destinations, ipvs.Destination{Address: b.rip(i, j), Port: 80, Weight: 3, Method: ipvs.DirectRoute})
	}
	return entry
}

func (b benchTable) vip(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{198, 18, byte(i / 250), byte(1 + i%250)})
}

func (b benchTable) rip(i, j int) netip.Addr {
	n := i*b.realServers + j
	return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
}

func (b benchTable) table() ipvs.Table {
	table := make(ipvs.Table, 0, b.services)
	for i := range b.services {
		table = append(table, b.entry(i))
	}
	table.Sort()
	return table
}

// benchOwned owns every service of a benchTable.
var benchOwned = ipvs.Ownership{Networks: []netip.Prefix{netip.MustParsePrefix("198.18.0.0/15")}}

// benchLoad measures how long it takes to bring a table into an empty kernel.
func benchLoad(t *testing.T, size benchTable) map[string]time.Duration {
	t.Helper()
	table := size.table()
	rules := filepath.Join(t.TempDir(), "rules")
	fail(t, os.WriteFile(rules, []byte(table.String()), 0o600))
	batches := preEncode(t, table)
	return contest(t, "Load "+size.String()+" into an empty table", []contestant{
		{"ours", fresh(func(t *testing.T) (func() error, func()) {
			k, err := kernel.Open(kernel.ProcSys)
			fail(t, err)
			return func() error { return loadOurs(t.Context(), k, table) }, k.Close
		}), true},
		{"ipvsadm --restore", fresh(func(t *testing.T) (func() error, func()) {
			return func() error { return loadIpvsadm(t.Context(), rules) }, func() {}
		}), false},
		{"moby/ipvs", fresh(func(t *testing.T) (func() error, func()) {
			moby, err := mobyipvs.New("")
			fail(t, err)
			return func() error { return loadMoby(moby, table) }, moby.Close
		}), false},
		{"limit", fresh(func(*testing.T) (func() error, func()) {
			return func() error { return sendBatches(batches) }, func() {}
		}), true},
	})
}

// loadOurs does what the agent does: it compares what is wanted with what is there, and carries out what the ledger says.
func loadOurs(ctx context.Context, k *kernel.Kernel, table ipvs.Table) error {
	ledger := plan.NewLedger()
	for _, entry := range table {
		ledger.Want(&plan.Wanted{Entry: entry}, time.Time{})
	}
	for ledger.Due() {
		operations, _ := ledger.Plan(time.Time{}, mostOperations)
		for _, failure := range k.Apply(ctx, operations) {
			return failure.Err
		}
	}
	return nil
}

func loadIpvsadm(ctx context.Context, rules string) error {
	file, err := os.Open(rules)
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, "ipvsadm", "--restore")
	command.Stdin = file
	out, err := command.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return errors.Join(err, file.Close())
}

func loadMoby(moby *mobyipvs.Handle, table ipvs.Table) error {
	for _, entry := range table {
		service := &mobyipvs.Service{
			Address: entry.Service.Key.Address.AsSlice(), Protocol: uint16(entry.Service.Key.Protocol), Port: entry.Service.Key.Port,
			SchedName: entry.Service.Scheduler, AddressFamily: unix.AF_INET, Netmask: 0xffffffff,
		}
		if err := moby.NewService(service); err != nil {
			return err
		}
		for _, d := range entry.Destinations {
			destination := &mobyipvs.Destination{
				Address: d.Address.AsSlice(), Port: d.Port, Weight: int(d.Weight), ConnectionFlags: uint32(d.Method), AddressFamily: unix.AF_INET,
			}
			if err := moby.NewDestination(service, destination); err != nil {
				return err
			}
		}
	}
	return nil
}

// batchSize is about how many bytes the bare writer sends at once.
const batchSize = 64 << 10

// preEncode is the table as messages, in batches whose last message is acknowledged.
func preEncode(t *testing.T, table ipvs.Table) [][]byte {
	t.Helper()
	family := genericFamily(t)
	var batches [][]byte
	var batch []byte
	sequence, last := uint32(1), 0
	add := func(encode func(wire.Request, []byte) []byte) {
		if len(batch) >= batchSize {
			wire.Acknowledge(batch[last:])
			batches, batch = append(batches, batch), nil
		}
		last = len(batch)
		batch = encode(wire.Request{Family: family, Sequence: sequence}, batch)
		sequence++
	}
	for _, entry := range table {
		add(func(r wire.Request, b []byte) []byte { return r.NewService(b, entry.Service) })
		for _, d := range entry.Destinations {
			add(func(r wire.Request, b []byte) []byte { return r.NewDest(b, entry.Service.Key, d) })
		}
	}
	wire.Acknowledge(batch[last:])
	return append(batches, batch)
}

func genericFamily(t *testing.T) uint16 {
	t.Helper()
	request := nl.NewNetlinkRequest(nl.GENL_ID_CTRL, unix.NLM_F_ACK)
	request.AddData(&nl.Genlmsg{Command: nl.GENL_CTRL_CMD_GETFAMILY, Version: nl.GENL_CTRL_VERSION})
	request.AddData(nl.NewRtAttr(nl.GENL_CTRL_ATTR_FAMILY_NAME, nl.ZeroTerminated("IPVS")))
	answers, err := request.Execute(unix.NETLINK_GENERIC, 0)
	fail(t, err)
	attributes, err := nl.ParseRouteAttr(answers[0][nl.SizeofGenlmsg:])
	fail(t, err)
	for _, a := range attributes {
		if a.Attr.Type == nl.GENL_CTRL_ATTR_FAMILY_ID {
			return nl.NativeEndian().Uint16(a.Value)
		}
	}
	t.Fatal("the kernel has no family IPVS")
	return 0
}

// sendBatches is the least that any program does: it sends, and waits for the acknowledgement of each batch.
func sendBatches(batches [][]byte) (err error) {
	socket, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_GENERIC)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unix.Close(socket)) }()
	if err := unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 4*batchSize); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	for _, batch := range batches {
		if err := unix.Sendto(socket, batch, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
			return err
		}
		n, _, err := unix.Recvfrom(socket, answer, 0)
		if err != nil {
			return err
		}
		if message, _, err := wire.Next(answer[:n]); err != nil || message.Errno != 0 {
			return fmt.Errorf("answer %+v, %w", message, err)
		}
	}
	return nil
}

// benchReadBack measures how long it takes to read a whole table.
func benchReadBack(t *testing.T, size benchTable) map[string]time.Duration {
	t.Helper()
	k, err := kernel.Open(kernel.ProcSys)
	fail(t, err)
	defer k.Close()
	fail(t, loadOurs(t.Context(), k, size.table()))
	return contest(t, "Read "+size.String()+" back", []contestant{
		{"ours", timed(func() error {
			readings, err := k.Table(t.Context(), benchOwned.Owns)
			if err == nil && len(readings) != size.services {
				err = fmt.Errorf("%d services, want %d", len(readings), size.services)
			}
			return err
		}), false},
		{"ipvsadm -S -n", timed(func() error { return exec.CommandContext(t.Context(), "ipvsadm", "-S", "-n").Run() }), false},
	})
}
