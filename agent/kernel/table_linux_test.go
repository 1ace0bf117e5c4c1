// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package kernel_test

import (
	"context"
	"errors"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/agent/plan"
)

// newTable is a kernel with n services of ours, with two real servers each, and one of somebody else's.
func newTable(t *testing.T, n int) (*kernel.Kernel, ipvs.Table) {
	t.Helper()
	director := newDirector(t)
	director.connectToTheSubnet()
	k := director.kernel()
	var table ipvs.Table
	operations := []plan.Operation{&plan.AddService{Service: ipvs.Service{Key: ipvs.MarkKey(7, ipvs.IPv4), Scheduler: "rr"}}}
	for i := range n {
		entry := ipvs.Entry{Service: service(uint16(i+1), "rr"), Destinations: []ipvs.Destination{
			destination("192.0.2.111", 80, ipvs.DirectRoute, uint32(i)), destination("192.0.2.115", 80, ipvs.Masquerade, 1),
		}}
		table = append(table, entry)
		operations = append(operations, &plan.AddService{Service: entry.Service})
		for _, d := range entry.Destinations {
			operations = append(operations, &plan.AddDestination{Service: entry.Service.Key, Destination: d})
		}
	}
	for _, failure := range k.Apply(t.Context(), operations) {
		t.Fatal(failure.Err)
	}
	return k, table
}

// kernel is the real one.
func (n node) kernel() *kernel.Kernel {
	n.t.Helper()
	k, ok := n.k.(*kernel.Kernel)
	if !ok {
		n.t.Fatalf("%T is no real kernel", n.k)
	}
	return k
}

// entries are what was read, without connections.
func entries(t *testing.T, readings []ipvs.Reading) ipvs.Table {
	t.Helper()
	var table ipvs.Table
	for _, reading := range readings {
		if len(reading.Connections) != len(reading.Destinations) {
			t.Errorf("%s: connections of %d, destinations of %d", reading.Service.Key, len(reading.Connections), len(reading.Destinations))
		}
		table = append(table, reading.Entry)
	}
	return table
}

func TestTheTableOfOursIsReadSorted(t *testing.T) {
	k, want := newTable(t, 3000)
	readings, err := k.Table(t.Context(), pool.Owns)
	if got := entries(t, readings); err != nil || !got.Equal(want) {
		t.Errorf("%d of %d services are read, %v", len(got), len(want), err)
	}
}

func TestNamedServicesAreReadSortedAndAbsentOnesLeftOut(t *testing.T) {
	k, table := newTable(t, 5)
	absent := service(99, "rr").Key
	keys := []ipvs.ServiceKey{table[3].Service.Key, absent, table[1].Service.Key, table[3].Service.Key}
	readings, err := k.Services(t.Context(), keys)
	if got := entries(t, readings); err != nil || !got.Equal(ipvs.Table{table[1], table[3]}) {
		t.Errorf("read, %v:\n%s", err, got)
	}
}

func TestAListingIsReadStepByStep(t *testing.T) {
	k, want := newTable(t, 1000)
	listing := k.List()
	defer listing.Close()
	var got ipvs.Table
	for more := true; more; {
		var readings []ipvs.Reading
		var err error
		readings, more, err = listing.Next(t.Context(), 30, pool.Owns)
		if err != nil || len(readings) > 30 || more && len(readings) < 30 {
			t.Fatalf("%d services in a step, %v, %v", len(readings), more, err)
		}
		got = append(got, entries(t, readings)...)
		// What changes meanwhile is another matter: the kernel and its one socket are free.
		operation := &plan.UpdateDestination{Service: want[0].Service.Key, Destination: want[0].Destinations[0]}
		for _, failure := range k.Apply(t.Context(), []plan.Operation{operation}) {
			t.Error(failure.Err)
		}
	}
	got.Sort()
	if !got.Equal(want) {
		t.Errorf("%d of %d services", len(got), len(want))
	}
}

func TestReadingEndsWithItsContext(t *testing.T) {
	k, table := newTable(t, 5)
	stopped := errors.New("the agent stops")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stopped)
	_, tableErr := k.Table(ctx, pool.Owns)
	_, servicesErr := k.Services(ctx, []ipvs.ServiceKey{table[0].Service.Key})
	_, timeoutsErr := k.Timeouts(ctx)
	listing := k.List()
	defer listing.Close()
	_, _, listingErr := listing.Next(ctx, 1, pool.Owns)
	for i, err := range []error{tableErr, servicesErr, timeoutsErr, listingErr} {
		if !errors.Is(err, stopped) {
			t.Errorf("reading %d: %v", i, err)
		}
	}
}

func TestRunsOfIPVSKeepTheirPlaceAmongOtherOperations(t *testing.T) {
	n := newDirector(t)
	n.connectToTheSubnet()
	sip, web, address := service(5060, "rr"), service(80, "rr"), netip.PrefixFrom(vip, 32)
	failures := n.k.Apply(t.Context(), []plan.Operation{
		&plan.AddService{Service: service(81, "nope")},
		&plan.AddService{Service: web},
		&plan.AddAddress{Interface: "eth9", Prefix: address},
		// The service comes back: what is updated in it is added, in the end.
		&plan.UpdateService{Service: sip},
		&plan.UpdateDestination{Service: sip.Key, Destination: destination("192.0.2.111", 5060, ipvs.DirectRoute, 1)},
		&plan.SetTimeouts{Timeouts: ipvs.Timeouts{TCP: 1000}},
		&plan.AddDestination{Service: service(82, "rr").Key, Destination: destination("192.0.2.111", 82, ipvs.DirectRoute, 1)},
	})
	var refused []string
	for _, failure := range failures {
		refused = append(refused, failure.Operation.String())
	}
	want := []string{
		"ipvsadm -A -t 192.0.2.10:81 -s nope",
		(&plan.AddAddress{Interface: "eth9", Prefix: address}).String(),
		"ipvsadm -a -t 192.0.2.10:82 -r 192.0.2.111:82 -g -w 1",
	}
	if !slices.Equal(refused, want) {
		t.Errorf("refused %q, want %q", refused, want)
	}
	const saved = "-A -t 192.0.2.10:80 -s rr\n-A -t 192.0.2.10:5060 -s rr\n-a -t 192.0.2.10:5060 -r 192.0.2.111:5060 -g -w 1\n"
	if got := n.run("ipvsadm -S -n"); got != saved {
		t.Errorf("table:\n%s", got)
	}
	if shown := n.run("ipvsadm -L --timeout"); !strings.Contains(shown, "1000 120 300") {
		t.Errorf("time-outs: %s", shown)
	}
}

func TestRefusalsOfIPVSSayWhatToDo(t *testing.T) {
	n := newDirector(t)
	n.connectToTheSubnet()
	web := service(80, "rr")
	n.reach(wanted{Services: ipvs.Table{{Service: web}}})
	engine := service(81, "rr")
	engine.PersistenceTimeout, engine.PersistenceEngine = 60, "nope"
	to := func(change func(*ipvs.Destination)) plan.Operation {
		d := destination("192.0.2.111", 80, ipvs.Tunnelling, 1)
		change(&d)
		return &plan.AddDestination{Service: web.Key, Destination: d}
	}
	for _, c := range []struct {
		operation plan.Operation
		want      string
		cause     error
	}{
		{&plan.AddService{Service: engine}, "load the module ip_vs_pe_nope", unix.ENOENT},
		{to(func(d *ipvs.Destination) { d.Weight = 1 << 31 }), "weights up to 2147483647", unix.ERANGE},
		{to(func(d *ipvs.Destination) { d.UpperThreshold, d.LowerThreshold = 1, 2 }), "no lower threshold above", unix.ERANGE},
		{to(func(d *ipvs.Destination) { d.UpperThreshold = math.MaxUint32 }), "thresholds up to 2147483647", unix.EINVAL},
		{to(func(d *ipvs.Destination) { d.Tunnel.Type = ipvs.GUE }), "needs a port", unix.EINVAL},
		{to(func(d *ipvs.Destination) {
			d.Address, d.Method = netip.MustParseAddr("2001:db8::11"), ipvs.DirectRoute
		}), "only with tunnelling", unix.EINVAL},
		{&plan.SetTimeouts{Timeouts: ipvs.Timeouts{TCP: math.MaxUint32}}, "set the IPVS time-outs to tcp 4294967295 s", unix.EINVAL},
	} {
		if err := n.refused(c.operation); !strings.Contains(err.Error(), c.want) || !errors.Is(err, c.cause) {
			t.Errorf("%s: %v, which lacks %q", c.operation, err, c.want)
		}
	}
}
