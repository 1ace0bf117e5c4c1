// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package kernel_test

import (
	"net"
	"net/netip"
	"testing"

	mobyipvs "github.com/moby/ipvs"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// readByMoby is the table of the test's namespace as a library reads it that shares no code with ours.
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
		entry := ipvs.Entry{Service: ipvs.Service{
			Key:       ipvs.ServiceKey{Address: address(t, s.Address), Port: s.Port, Protocol: ipvs.Protocol(s.Protocol)},
			Scheduler: s.SchedName,
		}}
		if s.Flags&0x1 != 0 { // IP_VS_SVC_F_PERSISTENT; a service without it has a time-out that means nothing
			entry.Service.PersistenceTimeout = s.Timeout
		}
		destinations, err := handle.GetDestinations(s)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range destinations {
			entry.Destinations = append(entry.Destinations, ipvs.Destination{
				Address: address(t, d.Address), Port: d.Port, Weight: uint32(d.Weight),
				Method: ipvs.Method(d.ConnectionFlags & mobyipvs.ConnectionFlagFwdMask),
			})
		}
		table = append(table, entry)
	}
	table.Sort()
	return table
}

func address(t *testing.T, ip net.IP) netip.Addr {
	t.Helper()
	parsed, ok := netip.AddrFromSlice(ip)
	if !ok {
		t.Fatalf("%v is no address", ip)
	}
	return parsed.Unmap()
}
