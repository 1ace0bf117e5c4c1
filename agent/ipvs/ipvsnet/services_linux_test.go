// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package ipvsnet_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/ipvs/ipvsnet"
	"github.com/lvs-operator/lvs-operator/agent/ipvs/wire"
)

// services are services of every kind.
func services() ipvs.Table {
	var table ipvs.Table
	add := func(s ipvs.Service) { table = append(table, ipvs.Entry{Service: s}) }
	port := uint16(7000)
	for _, scheduler := range []string{"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"} {
		for _, protocol := range []ipvs.Protocol{ipvs.TCP, ipvs.UDP, ipvs.SCTP} {
			for _, address := range []string{"192.0.2.10:80", "[2001:db8::10]:80"} {
				at := key(address, protocol)
				port++
				at.Port = port
				add(ipvs.Service{Key: at, Scheduler: scheduler})
			}
		}
	}
	add(ipvs.Service{Key: key("192.0.2.11:80", ipvs.TCP), Scheduler: "sh", Flags: ipvs.Fallback})
	add(ipvs.Service{Key: key("192.0.2.11:81", ipvs.TCP), Scheduler: "sh", Flags: ipvs.Fallback | ipvs.HashPort})
	add(ipvs.Service{Key: key("192.0.2.11:82", ipvs.TCP), Scheduler: "mh", Flags: ipvs.HashPort})
	add(ipvs.Service{Key: key("192.0.2.11:83", ipvs.TCP), Scheduler: "mh", Flags: ipvs.HashPort | ipvs.Fallback})
	add(ipvs.Service{Key: key("192.0.2.11:84", ipvs.TCP), Scheduler: "rr", Flags: ipvs.Fallback | ipvs.HashPort | ipvs.Scheduler3})
	add(ipvs.Service{Key: key("192.0.2.11:53", ipvs.UDP), Scheduler: "rr", Flags: ipvs.OnePacket})
	add(ipvs.Service{Key: key("192.0.2.11:85", ipvs.TCP), Scheduler: "rr", PersistenceTimeout: 360})
	add(ipvs.Service{Key: key("192.0.2.11:86", ipvs.TCP), Scheduler: "rr", PersistenceTimeout: 2678400, PersistencePrefix: 24})
	add(ipvs.Service{Key: key("192.0.2.11:87", ipvs.TCP), Scheduler: "rr", PersistenceTimeout: 1, PersistencePrefix: 1})
	add(ipvs.Service{Key: key("[2001:db8::11]:85", ipvs.TCP), Scheduler: "rr", PersistenceTimeout: 360})
	add(ipvs.Service{Key: key("[2001:db8::11]:86", ipvs.TCP), Scheduler: "rr", PersistenceTimeout: 360, PersistencePrefix: 64})
	add(ipvs.Service{Key: key("192.0.2.11:5060", ipvs.UDP), Scheduler: "rr", PersistenceTimeout: 60, PersistenceEngine: "sip"})
	add(ipvs.Service{
		Key: key("192.0.2.11:5061", ipvs.UDP), Scheduler: "rr", Flags: ipvs.OnePacket,
		PersistenceTimeout: 60, PersistencePrefix: 16, PersistenceEngine: "sip",
	})
	add(ipvs.Service{Key: key("192.0.2.11:0", ipvs.TCP), Scheduler: "rr", PersistenceTimeout: 300})
	add(ipvs.Service{Key: ipvs.MarkKey(7, ipvs.IPv4), Scheduler: "wrr"})
	add(ipvs.Service{Key: ipvs.MarkKey(7, ipvs.IPv6), Scheduler: "dh"})
	add(ipvs.Service{Key: ipvs.MarkKey(2147483647, ipvs.IPv4), Scheduler: "lblc", PersistenceTimeout: 50, PersistencePrefix: 8})
	table.Sort()
	return table
}

func TestEveryKindOfServiceIsReadAsWritten(t *testing.T) {
	d := newDirector(t)
	want := services()
	d.add(want)
	d.holds(want)
	if diff := cmp.Diff(want.String(), d.run("ipvsadm -S -n")); diff != "" {
		t.Errorf("ipvsadm reads (+), written (-):\n%s", diff)
	}
	compareWithMoby(t, want)
	for _, entry := range want {
		service, err := d.Service(entry.Service.Key)
		if err != nil || service != entry.Service {
			t.Errorf("%s alone is read as %+v, %v", entry.Service, service, err)
		}
	}
}

func TestTheHighestMarkIsReadAsWritten(t *testing.T) {
	d := newDirector(t)
	want := ipvs.Table{{Service: ipvs.Service{Key: ipvs.MarkKey(4294967295, ipvs.IPv6), Scheduler: "rr"}}}
	d.add(want)
	d.holds(want)
}

func TestEverythingOfAServiceChangesInPlace(t *testing.T) {
	d := newDirector(t)
	first := ipvs.Service{Key: key("192.0.2.10:5060", ipvs.UDP), Scheduler: "rr"}
	d.add(ipvs.Table{{Service: first, Destinations: []ipvs.Destination{destination("192.0.2.21:5060", ipvs.DirectRoute, 1)}}})
	full := ipvs.Service{
		Key: first.Key, Scheduler: "sh", Flags: ipvs.OnePacket | ipvs.HashPort | ipvs.Fallback,
		PersistenceTimeout: 60, PersistencePrefix: 24, PersistenceEngine: "sip",
	}
	for _, service := range []ipvs.Service{full, first, full} {
		d.change(func(r wire.Request, b []byte) []byte { return r.SetService(b, service) })
		table := d.table()
		if len(table) != 1 || table[0].Service != service || len(table[0].Destinations) != 1 {
			t.Errorf("changed to %s, and read as:\n%s", service, table)
		}
		if diff := cmp.Diff(table.String(), d.run("ipvsadm -S -n")); diff != "" {
			t.Errorf("ipvsadm reads (+), written (-):\n%s", diff)
		}
	}
}

func TestADeletedServiceIsGone(t *testing.T) {
	d := newDirector(t)
	all := services()
	d.add(all)
	d.Write(t.Context(), len(all), func(r wire.Request, b []byte, i int) []byte { return r.DelService(b, all[i].Service.Key) })
	if left := d.run("ipvsadm -S -n"); left != "" {
		t.Errorf("left:\n%s", left)
	}
	if _, err := d.Service(all[0].Service.Key); !errors.Is(err, ipvsnet.ErrNoService) {
		t.Errorf("read as %v", err)
	}
	if destinations, _, err := d.Destinations(all[0].Service.Key, nil, nil); len(destinations) != 0 || err != nil {
		t.Errorf("it has the destinations %v, %v", destinations, err)
	}
}

func TestFlushDeletesEveryService(t *testing.T) {
	d := newDirector(t)
	d.add(services())
	d.change(wire.Request.Flush)
	if left := d.run("ipvsadm -S -n"); left != "" {
		t.Errorf("left:\n%s", left)
	}
}

func TestWhatIpvsadmWritesIsReadAsItPrints(t *testing.T) {
	d := newDirector(t)
	for _, line := range []string{
		"-A -t 192.0.2.10:80 -s wlc -p 300 -M 255.255.0.0",
		"-A -t [2001:db8::10]:80 -s wlc -p 300 -M 48",
		"-A -u 192.0.2.10:53 -s sh -b sh-port,sh-fallback -o",
		"-A -t 192.0.2.10:82 -s wlc -b flag-3",
		"-A -u 192.0.2.10:5060 -s wlc --pe sip -p 60",
		"-A -f 9 -s rr", "-A -f 9 -6 -s rr",
		"-a -f 9 -r 192.0.2.21 -g -w 5",
		"-a -t 192.0.2.10:80 -r 192.0.2.21:80 -i --tun-type gue --tun-port 6080 --tun-csum -w 7",
		"-a -t 192.0.2.10:80 -r 192.0.2.22:80 -i --tun-type gre --tun-nocsum -w 7",
	} {
		d.run("ipvsadm " + line)
	}
	if diff := cmp.Diff(d.saved(), lines(d.table().String())); diff != "" {
		t.Errorf("read (+), ipvsadm (-):\n%s", diff)
	}
	d.run("ipvsadm -E -t 192.0.2.10:80 -s wlc -p 300 -M 255.0.255.0")
	if service, err := d.Service(key("192.0.2.10:80", ipvs.TCP)); err != nil || service.PersistencePrefix != ipvs.NoPrefix {
		t.Errorf("a netmask that is no prefix is read as %+v, %v", service, err)
	}
}
