// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package ipvsnet_test

import (
	"errors"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/ipvs/wire"
)

// with changes a destination.
func with(d ipvs.Destination, change func(*ipvs.Destination)) ipvs.Destination {
	change(&d)
	return d
}

// destinations are destinations of every kind.
func destinations() ipvs.Table {
	tunnel := func(d ipvs.Destination, t ipvs.Tunnel) ipvs.Destination {
		return with(d, func(d *ipvs.Destination) { d.Tunnel = t })
	}
	limits := func(d ipvs.Destination, upper, lower uint32) ipvs.Destination {
		return with(d, func(d *ipvs.Destination) { d.UpperThreshold, d.LowerThreshold = upper, lower })
	}
	table := ipvs.Table{
		{Service: ipvs.Service{Key: key("192.0.2.10:80", ipvs.TCP), Scheduler: "wrr"}, Destinations: []ipvs.Destination{
			destination("192.0.2.21:80", ipvs.Masquerade, 0),
			destination("192.0.2.21:8080", ipvs.Masquerade, 1),
			destination("192.0.2.22:80", ipvs.DirectRoute, 65535),
			limits(destination("192.0.2.23:80", ipvs.DirectRoute, 1), 1000, 500),
			limits(destination("192.0.2.24:80", ipvs.DirectRoute, 1), 2147483647, 0),
			tunnel(destination("192.0.2.25:80", ipvs.Tunnelling, 1), ipvs.Tunnel{}),
			tunnel(destination("192.0.2.26:80", ipvs.Tunnelling, 1), ipvs.Tunnel{Type: ipvs.GUE, Port: 6080}),
			tunnel(destination("192.0.2.27:80", ipvs.Tunnelling, 1), ipvs.Tunnel{Type: ipvs.GUE, Port: 65535, Flags: ipvs.TunnelChecksum}),
			tunnel(destination("192.0.2.28:80", ipvs.Tunnelling, 1), ipvs.Tunnel{Type: ipvs.GUE, Port: 1, Flags: ipvs.TunnelRemoteChecksum}),
			tunnel(destination("192.0.2.29:80", ipvs.Tunnelling, 1), ipvs.Tunnel{Type: ipvs.GRE}),
			tunnel(destination("192.0.2.30:80", ipvs.Tunnelling, 1), ipvs.Tunnel{Type: ipvs.GRE, Flags: ipvs.TunnelChecksum}),
			tunnel(destination("[2001:db8::21]:80", ipvs.Tunnelling, 1), ipvs.Tunnel{}),
		}},
		{Service: ipvs.Service{Key: key("[2001:db8::10]:80", ipvs.TCP), Scheduler: "wrr"}, Destinations: []ipvs.Destination{
			destination("[2001:db8::21]:80", ipvs.Masquerade, 3),
			destination("[2001:db8::22]:80", ipvs.DirectRoute, 3),
			tunnel(destination("[2001:db8::23]:80", ipvs.Tunnelling, 3), ipvs.Tunnel{Type: ipvs.GUE, Port: 6080}),
			tunnel(destination("192.0.2.21:80", ipvs.Tunnelling, 3), ipvs.Tunnel{Type: ipvs.GRE}),
		}},
		{Service: ipvs.Service{Key: ipvs.MarkKey(8, ipvs.IPv4), Scheduler: "dh"}, Destinations: []ipvs.Destination{
			destination("192.0.2.21:0", ipvs.DirectRoute, 1),
		}},
		{Service: ipvs.Service{Key: ipvs.MarkKey(8, ipvs.IPv6), Scheduler: "dh"}, Destinations: []ipvs.Destination{
			destination("[2001:db8::21]:0", ipvs.DirectRoute, 1),
		}},
	}
	table.Sort()
	return table
}

// thresholds are the options that ipvsadm reads and does not save.
var thresholds = regexp.MustCompile(` -[xy] \d+`)

func TestEveryKindOfDestinationIsReadAsWritten(t *testing.T) {
	d := newDirector(t)
	want := destinations()
	d.add(want)
	d.holds(want)
	if diff := cmp.Diff(lines(thresholds.ReplaceAllString(want.String(), "")), d.saved()); diff != "" {
		t.Errorf("ipvsadm reads (+), written (-):\n%s", diff)
	}
	for _, row := range []string{"192.0.2.23:80 1000 500 0 0", "192.0.2.24:80 2147483647 0 0 0"} {
		if list := strings.Join(strings.Fields(d.run("ipvsadm -L -n --thresholds")), " "); !strings.Contains(list, row) {
			t.Errorf("ipvsadm shows no %q in %s", row, list)
		}
	}
}

func TestMobyReadsDestinationsAsWritten(t *testing.T) {
	d := newDirector(t)
	// A destination of another family than its service is more than moby/ipvs knows.
	var want ipvs.Table
	for _, entry := range destinations() {
		same := ipvs.Entry{Service: entry.Service}
		for _, dest := range entry.Destinations {
			if ipvs.FamilyOf(dest.Address) == entry.Service.Key.Family() {
				same.Destinations = append(same.Destinations, dest)
			}
		}
		want = append(want, same)
	}
	d.add(want)
	compareWithMoby(t, want)
}

func TestIpvsadmRestoresWhatATablePrints(t *testing.T) {
	d := newDirector(t)
	var want ipvs.Table
	want = append(append(want, services()...), destinations()...)
	want.Sort()
	restore := exec.Command("ipvsadm", "-R")
	restore.Stdin = strings.NewReader(want.String())
	if output, err := restore.CombinedOutput(); err != nil {
		t.Fatalf("ipvsadm -R: %v\n%s", err, output)
	}
	d.holds(want)
}

func TestEverythingOfADestinationChangesInPlace(t *testing.T) {
	d := newDirector(t)
	service := ipvs.Service{Key: key("192.0.2.10:80", ipvs.TCP), Scheduler: "wrr"}
	first := destination("192.0.2.21:80", ipvs.DirectRoute, 1)
	d.add(ipvs.Table{{Service: service, Destinations: []ipvs.Destination{first}}})
	gue := with(first, func(d *ipvs.Destination) {
		d.Method, d.Weight, d.UpperThreshold, d.LowerThreshold = ipvs.Tunnelling, 9, 100, 50
		d.Tunnel = ipvs.Tunnel{Type: ipvs.GUE, Port: 6080, Flags: ipvs.TunnelChecksum}
	})
	reweighed := with(gue, func(d *ipvs.Destination) { d.Weight = 0 })
	for _, changed := range []ipvs.Destination{gue, reweighed, first, gue, with(gue, func(d *ipvs.Destination) { d.Tunnel = ipvs.Tunnel{} })} {
		d.change(func(r wire.Request, b []byte) []byte { return r.SetDest(b, service.Key, changed) })
		want := ipvs.Table{{Service: service, Destinations: []ipvs.Destination{changed}}}
		d.holds(want)
		if diff := cmp.Diff(thresholds.ReplaceAllString(want.String(), ""), d.run("ipvsadm -S -n")); diff != "" {
			t.Errorf("ipvsadm reads (+), written (-):\n%s", diff)
		}
	}
}

func TestADeletedDestinationIsGone(t *testing.T) {
	d := newDirector(t)
	all := destinations()
	d.add(all)
	for _, entry := range all {
		for _, dest := range entry.Destinations {
			d.change(func(r wire.Request, b []byte) []byte { return r.DelDest(b, entry.Service.Key, dest.Key()) })
		}
	}
	if left := d.run("ipvsadm -S -n"); strings.Contains(left, "-a ") {
		t.Errorf("left:\n%s", left)
	}
}

func TestWhatTheKernelRefusesOfADestination(t *testing.T) {
	d := newDirector(t)
	v4, absent := key("192.0.2.10:80", ipvs.TCP), key("192.0.2.10:81", ipvs.TCP)
	one := destination("192.0.2.21:80", ipvs.DirectRoute, 1)
	d.add(ipvs.Table{{Service: ipvs.Service{Key: v4, Scheduler: "wrr"}, Destinations: []ipvs.Destination{one}}})
	for name, c := range map[string]struct {
		encode func(r wire.Request, b []byte) []byte
		want   error
	}{
		"it exists": {func(r wire.Request, b []byte) []byte { return r.NewDest(b, v4, one) }, unix.EEXIST},
		"it does not exist": {func(r wire.Request, b []byte) []byte {
			return r.SetDest(b, v4, destination("192.0.2.22:80", ipvs.DirectRoute, 1))
		}, unix.ENOENT},
		"no service to add it to": {func(r wire.Request, b []byte) []byte { return r.NewDest(b, absent, one) }, unix.ESRCH},
		"nothing to delete": {func(r wire.Request, b []byte) []byte {
			return r.DelDest(b, v4, destination("192.0.2.22:80", 0, 0).Key())
		}, unix.ENOENT},
		"lower above upper": {func(r wire.Request, b []byte) []byte {
			return r.SetDest(b, v4, with(one, func(d *ipvs.Destination) { d.UpperThreshold, d.LowerThreshold = 1, 2 }))
		}, unix.ERANGE},
		"a weight below 0": {func(r wire.Request, b []byte) []byte {
			return r.SetDest(b, v4, with(one, func(d *ipvs.Destination) { d.Weight = 1 << 31 }))
		}, unix.ERANGE},
		"IPv6 by direct routing": {func(r wire.Request, b []byte) []byte {
			return r.NewDest(b, v4, destination("[2001:db8::21]:80", ipvs.DirectRoute, 1))
		}, unix.EINVAL},
		"GUE without a port": {func(r wire.Request, b []byte) []byte {
			return r.NewDest(b, v4, with(destination("192.0.2.22:80", ipvs.Tunnelling, 1), func(d *ipvs.Destination) { d.Tunnel.Type = ipvs.GUE }))
		}, unix.EINVAL},
		"multicast": {func(r wire.Request, b []byte) []byte {
			return r.NewDest(b, v4, destination("224.0.0.1:80", ipvs.DirectRoute, 1))
		}, unix.EINVAL},
	} {
		if err := d.Change(t.Context(), c.encode); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}
