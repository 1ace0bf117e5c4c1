// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package ipvsnet_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/ipvs/ipvsnet"
	"github.com/lvs-operator/lvs-operator/agent/ipvs/wire"
)

// many are n services with one destination each: more than one send carries.
func many(n int) ipvs.Table {
	table := make(ipvs.Table, n)
	for i := range table {
		at := ipvs.ServiceKey{Address: netip.MustParseAddr("192.0.2.10"), Port: uint16(i + 1), Protocol: ipvs.TCP}
		table[i] = ipvs.Entry{
			Service:      ipvs.Service{Key: at, Scheduler: "rr"},
			Destinations: []ipvs.Destination{destination(fmt.Sprintf("192.0.2.21:%d", i+1), ipvs.DirectRoute, 1)},
		}
	}
	return table
}

func TestManyMessagesMakeTheWholeTable(t *testing.T) {
	d := newDirector(t)
	want := many(5000)
	d.add(want)
	d.holds(want)
}

func TestARefusalHitsItsOwnMessageAlone(t *testing.T) {
	d := newDirector(t)
	table := many(3000)
	// Its destination is refused too: it has no service.
	table[700].Service.Scheduler = "nope"
	table[1500].Destinations[0].Address = netip.MustParseAddr("224.0.0.1")
	table[2999].Destinations[0].Weight = 1 << 31
	var got []string
	for _, failure := range d.Write(t.Context(), messages(table), addition(table)) {
		got = append(got, fmt.Sprint(failure.Index, " ", failure.Err))
	}
	want := []string{
		fmt.Sprint(1400, " ", unix.ENOENT), fmt.Sprint(1401, " ", unix.ESRCH),
		fmt.Sprint(3001, " ", unix.EINVAL), fmt.Sprint(5999, " ", unix.ERANGE),
	}
	if !slices.Equal(got, want) {
		t.Errorf("refused %v, want %v", got, want)
	}
	table[1500].Destinations, table[2999].Destinations = nil, nil
	d.holds(slices.Delete(table, 700, 701))
}

func TestEveryMessageOfABatchMayBeRefused(t *testing.T) {
	d := newDirector(t)
	n := 5000
	absent := key("192.0.2.10:80", ipvs.TCP)
	failures := d.Write(t.Context(), n, func(r wire.Request, b []byte, _ int) []byte { return r.DelService(b, absent) })
	if len(failures) != n {
		t.Fatalf("%d of %d refused", len(failures), n)
	}
	for i, failure := range failures {
		if failure.Index != i || !errors.Is(failure.Err, unix.ESRCH) {
			t.Fatalf("refusal %d is of %d: %v", i, failure.Index, failure.Err)
		}
	}
	table := many(10)
	d.add(table)
	d.holds(table)
}

func TestTwoWritersAtOnceLeaveTheLastWord(t *testing.T) {
	d := newDirector(t)
	table := many(3000)
	d.add(table)
	other, err := ipvsnet.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	done := make(chan []ipvsnet.Failure)
	go func() { // the socket stays in the namespace it was opened in
		done <- other.Write(context.Background(), len(table), func(r wire.Request, b []byte, i int) []byte {
			return r.DelService(b, table[len(table)-1-i].Service.Key)
		})
	}()
	for _, failure := range d.Write(t.Context(), len(table), func(r wire.Request, b []byte, i int) []byte {
		return r.SetDest(b, table[i].Service.Key, table[i].Destinations[0])
	}) {
		// What the other writer deleted first is refused, and nothing else.
		if !errors.Is(failure.Err, unix.ESRCH) {
			t.Errorf("message %d: %v", failure.Index, failure.Err)
		}
	}
	if failures := <-done; len(failures) > 0 {
		t.Errorf("the other writer was refused %v", failures)
	}
	d.holds(nil)
}

func TestACancelledWriteRefusesTheRest(t *testing.T) {
	d := newDirector(t)
	stopped := errors.New("the agent stops")
	ctx, cancel := context.WithCancelCause(t.Context())
	table := many(5000)
	encode := addition(table)
	failures := d.Write(ctx, messages(table), func(r wire.Request, b []byte, i int) []byte {
		if i == 0 {
			cancel(stopped)
		}
		return encode(r, b, i)
	})
	if len(failures) == 0 || len(failures) == messages(table) {
		t.Fatalf("%d of %d refused", len(failures), messages(table))
	}
	for i, failure := range failures {
		if failure.Index != messages(table)-len(failures)+i || !errors.Is(failure.Err, stopped) {
			t.Fatalf("refusal %d is of %d: %v", i, failure.Index, failure.Err)
		}
	}
	if services, err := d.Services(); err != nil || len(services) != (messages(table)-len(failures)+1)/2 {
		t.Errorf("%d services, %v; want those of the first %d messages", len(services), err, messages(table)-len(failures))
	}
}

func TestAListingIsReadWhileTheTableChanges(t *testing.T) {
	d := newDirector(t)
	table := many(1000)
	d.add(table)
	reader, err := ipvsnet.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	listing, err := reader.ListServices()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[ipvs.ServiceKey]bool{}
	for {
		service, found, err := listing.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !found {
			break
		}
		seen[service.Key] = true
		d.change(func(r wire.Request, b []byte) []byte { return r.Zero(b, service.Key) })
	}
	if len(seen) != len(table) {
		t.Errorf("%d of %d services", len(seen), len(table))
	}
}
