// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package ipvsnet_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	mobyipvs "github.com/moby/ipvs"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// compareWithMoby compares the kernel's table with what was written, in what a library knows that shares no code with ours:
// it reads neither engines nor tunnels nor netmasks of IPv6.
func compareWithMoby(t *testing.T, written ipvs.Table) {
	t.Helper()
	want := make(ipvs.Table, 0, len(written))
	for _, entry := range written {
		entry.Service.PersistenceEngine, entry.Service.PersistencePrefix = "", 0
		simple := ipvs.Entry{Service: entry.Service}
		for _, d := range entry.Destinations {
			d.Tunnel = ipvs.Tunnel{}
			simple.Destinations = append(simple.Destinations, d)
		}
		want = append(want, simple)
	}
	want.Sort()
	if diff := cmp.Diff(want.String(), readByMoby(t).String()); diff != "" {
		t.Errorf("moby/ipvs reads (+), written (-):\n%s", diff)
	}
}

func readByMoby(t *testing.T) ipvs.Table {
	t.Helper()
	handle, err := mobyipvs.New("")
	if err != nil {
		t.Fatal(err)
	}
	defer handle.Close()
	services, err := handle.GetServices()
	if err != nil {
		t.Fatal(err)
	}
	var table ipvs.Table
	for _, s := range services {
		entry := ipvs.Entry{Service: ipvs.Service{Key: mobyKey(s), Scheduler: s.SchedName, Flags: ipvs.Flags(s.Flags &^ 0x3)}}
		if s.Flags&0x1 != 0 { // IP_VS_SVC_F_PERSISTENT; a service without it has a time-out that means nothing
			entry.Service.PersistenceTimeout = s.Timeout
		}
		destinations, err := handle.GetDestinations(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range destinations {
			address, _ := netip.AddrFromSlice(d.Address)
			entry.Destinations = append(entry.Destinations, ipvs.Destination{
				Address: sameFamily(address, entry.Service.Key), Port: d.Port, Weight: uint32(d.Weight),
				UpperThreshold: d.UpperThreshold, LowerThreshold: d.LowerThreshold,
				Method: ipvs.Method(d.ConnectionFlags & mobyipvs.ConnectionFlagFwdMask),
			})
		}
		table = append(table, entry)
	}
	table.Sort()
	return table
}

func mobyKey(s *mobyipvs.Service) ipvs.ServiceKey {
	if s.FWMark != 0 {
		return ipvs.MarkKey(s.FWMark, ipvs.Family(s.AddressFamily))
	}
	address, _ := netip.AddrFromSlice(s.Address)
	k := ipvs.ServiceKey{Address: address, Port: s.Port, Protocol: ipvs.Protocol(s.Protocol)}
	if ipvs.Family(s.AddressFamily) == ipvs.IPv4 {
		k.Address = address.Unmap()
	}
	return k
}

func sameFamily(address netip.Addr, service ipvs.ServiceKey) netip.Addr {
	if service.Family() == ipvs.IPv4 {
		return address.Unmap()
	}
	return address
}
