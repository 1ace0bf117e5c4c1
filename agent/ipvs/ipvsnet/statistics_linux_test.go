// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package ipvsnet_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/ipvs/wire"
)

// counted is a service with two real servers of this host, one of which had connections.
func counted(d director) (ipvs.ServiceKey, []ipvs.Destination) {
	d.t.Helper()
	d.run("ip address add 192.0.2.10/32 dev eth0")
	d.run("ip address add 192.0.2.21/32 dev lo")
	listener, err := net.Listen("tcp", "192.0.2.21:80")
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(connection, connection)
				_ = connection.Close()
			}()
		}
	}()
	service := ipvs.Service{Key: key("192.0.2.10:8080", ipvs.TCP), Scheduler: "wrr", PersistenceTimeout: 300}
	real := []ipvs.Destination{destination("192.0.2.21:80", ipvs.Masquerade, 1), destination("192.0.2.22:80", ipvs.DirectRoute, 0)}
	d.add(ipvs.Table{{Service: service, Destinations: real}})
	return service.Key, real
}

// talk opens a connection, sends and receives, and leaves it open.
func talk(t *testing.T) {
	t.Helper()
	connection, err := net.Dial("tcp", "192.0.2.10:8080")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	if err := connection.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 1000)
	if _, err := connection.Write(text); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(connection, text); err != nil {
		t.Fatal(err)
	}
}

// counts reads the statistics of a service until they are as they should be: the kernel brings them up to date every 2 s.
func (d director) counts(service ipvs.ServiceKey, ready func(ipvs.Statistics) bool) (ipvs.Statistics, map[netip.AddrPort]ipvs.Statistics) {
	d.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		total, each, err := d.Statistics(service)
		if err != nil {
			d.t.Fatal(err)
		}
		if ready(total) {
			return total, each
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("the statistics stay %+v", total)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func TestStatisticsAndConnectionsAreWhatIpvsadmShows(t *testing.T) {
	d := newDirector(t)
	service, real := counted(d)
	for range 3 {
		talk(t)
	}
	total, each := d.counts(service, func(s ipvs.Statistics) bool { return s.Connections == 3 && s.OutBytes >= 3000 })
	if total.InBytes < 3000 || total.InPackets < 9 || total.OutPackets < 6 {
		t.Errorf("the service's are %+v", total)
	}
	if each[real[0].Key()] != total || each[real[1].Key()] != (ipvs.Statistics{}) {
		t.Errorf("the destinations' are %+v, the service's %+v", each, total)
	}
	row := fmt.Sprintf("-> 192.0.2.21:80 %d %d %d %d %d", total.Connections, total.InPackets, total.OutPackets, total.InBytes, total.OutBytes)
	if shown := strings.Join(strings.Fields(d.run("ipvsadm -L -n --stats --exact")), " "); !strings.Contains(shown, row) {
		t.Errorf("ipvsadm shows no %q in %s", row, shown)
	}

	read, connections, err := d.Destinations(service, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, dest := range read {
		want := ipvs.Connections{}
		if dest.Key() == real[0].Key() {
			want = ipvs.Connections{Active: 3, Persistent: 1}
		}
		if connections[i] != want {
			t.Errorf("%s has %+v, want %+v", dest.Key(), connections[i], want)
		}
	}
	if shown := strings.Join(strings.Fields(d.run("ipvsadm -L -n --persistent-conn")), " "); !strings.Contains(shown, "192.0.2.21:80 1 1 3 0") {
		t.Errorf("ipvsadm shows %s", shown)
	}
}

// hide gives the nested attribute of this type a number that nothing has.
func hide(t *testing.T, body []byte, kind uint16) []byte {
	t.Helper()
	for nested := body[4:]; len(nested) >= 4; {
		length := (int(binary.NativeEndian.Uint16(nested)) + 3) &^ 3
		if binary.NativeEndian.Uint16(nested[2:]) == kind {
			binary.NativeEndian.PutUint16(nested[2:], 99)
			return body
		}
		nested = nested[min(max(length, 4), len(nested)):]
	}
	t.Fatalf("the answer has no attribute %d", kind)
	return nil
}

func TestThirtyTwoBitStatisticsAreTheSame(t *testing.T) {
	const stats64 = 12 // IPVS_SVC_ATTR_STATS64 and IPVS_DEST_ATTR_STATS64
	d := newDirector(t)
	service, real := counted(d)
	talk(t)
	d.counts(service, func(s ipvs.Statistics) bool { return s.Connections == 1 && s.OutBytes >= 1000 })
	ofService, ofDestinations, err := d.Bodies(service)
	if err != nil || len(ofDestinations) != len(real) {
		t.Fatalf("%d destinations, %v", len(ofDestinations), err)
	}
	check := func(what string, decode func([]byte) (ipvs.Statistics, error), body []byte) ipvs.Statistics {
		wide, err := decode(body)
		if err != nil {
			t.Fatal(err)
		}
		if narrow, err := decode(hide(t, body, stats64)); err != nil || narrow != wide {
			t.Errorf("%s: %+v in 32 bits, %+v in 64, %v", what, narrow, wide, err)
		}
		return wide
	}
	if total := check("the service", wire.DecodeServiceStatistics, ofService); total.Connections != 1 {
		t.Errorf("the service's are %+v", total)
	}
	var connections uint64
	for _, body := range ofDestinations {
		connections += check("a destination", wire.DecodeDestinationStatistics, body).Connections
	}
	if connections != 1 {
		t.Errorf("the destinations had %d connections", connections)
	}
}

func TestRatesAreWhatIpvsadmShows(t *testing.T) {
	d := newDirector(t)
	service, real := counted(d)
	deadline := time.Now().Add(20 * time.Second)
	for {
		talk(t)
		shown := strings.Join(strings.Fields(d.run("ipvsadm -L -n --rate --exact")), " ")
		total, each, err := d.Statistics(service)
		if err != nil {
			t.Fatal(err)
		}
		row := fmt.Sprintf("-> 192.0.2.21:80 %d %d %d %d %d",
			total.ConnectionRate, total.InPacketRate, total.OutPacketRate, total.InByteRate, total.OutByteRate)
		if total.ConnectionRate > 0 && total.InByteRate > 0 && each[real[0].Key()] == total && strings.Contains(shown, row) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the rates are %+v, and ipvsadm shows %s", total, shown)
		}
	}
}

func TestZeroForgetsOneServiceOrAll(t *testing.T) {
	d := newDirector(t)
	service, real := counted(d)
	for name, zero := range map[string]func(r wire.Request, b []byte) []byte{
		"the service": func(r wire.Request, b []byte) []byte { return r.Zero(b, service) },
		"all":         wire.Request.ZeroAll,
	} {
		talk(t)
		d.counts(service, func(s ipvs.Statistics) bool { return s.Connections == 1 })
		d.change(zero)
		total, each, err := d.Statistics(service)
		if err != nil || total.Connections != 0 || total.InBytes != 0 || each[real[0].Key()].Connections != 0 {
			t.Errorf("after zeroing %s: %+v, %+v, %v", name, total, each, err)
		}
		if shown := strings.Join(strings.Fields(d.run("ipvsadm -L -n --stats --exact")), " "); !strings.Contains(shown, "-> 192.0.2.21:80 0 0 0 0 0") {
			t.Errorf("after zeroing %s ipvsadm shows %s", name, shown)
		}
	}
}
