// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/ipvs/wire"
)

// body is the attributes of a message of ours: they are those of the kernel's answers too.
func body(t *testing.T, message []byte) []byte {
	t.Helper()
	m, rest, err := wire.Next(message)
	if err != nil || m.Kind != wire.Answer || len(rest) != 0 {
		t.Fatalf("message %+v with %d bytes behind it, %v", m, len(rest), err)
	}
	return m.Body
}

func TestServicesAreReadAsWritten(t *testing.T) {
	change := func(change func(*ipvs.Service)) ipvs.Service {
		service := web()
		change(&service)
		return service
	}
	v6 := ipvs.ServiceKey{Address: netip.MustParseAddr("2001:db8::10"), Protocol: ipvs.SCTP, Port: 1}
	for name, want := range map[string]ipvs.Service{
		"all of it":              web(),
		"one host":               change(func(s *ipvs.Service) { s.PersistencePrefix = 0 }),
		"half the internet":      change(func(s *ipvs.Service) { s.PersistencePrefix = 1 }),
		"IPv6, a network":        change(func(s *ipvs.Service) { s.Key, s.PersistencePrefix = v6, 64 }),
		"IPv6, one host":         change(func(s *ipvs.Service) { s.Key, s.PersistencePrefix = v6, 0 }),
		"IPv4 in IPv6":           change(func(s *ipvs.Service) { s.Key.Address = netip.MustParseAddr("::ffff:192.0.2.1") }),
		"mark, IPv4":             {Key: ipvs.MarkKey(4294967295, ipvs.IPv4), Scheduler: "dh"},
		"mark, IPv6":             {Key: ipvs.MarkKey(1, ipvs.IPv6), Scheduler: "dh"},
		"a scheduler of its own": {Key: v6, Scheduler: "fifteen-letters", Flags: ipvs.Fallback | ipvs.HashPort | ipvs.Scheduler3},
	} {
		got, err := wire.DecodeService(body(t, asked.NewService(nil, want)))
		if err != nil || got != want {
			t.Errorf("%s: read as %+v, %v", name, got, err)
		}
	}
}

func TestWhatMeansNothingWithoutPersistenceIsNotRead(t *testing.T) {
	message := asked.NewService(nil, web())
	// The flags without IP_VS_SVC_F_PERSISTENT, and with the kernel's own IP_VS_SVC_F_HASHED.
	flags := message[24+32+8+4:]
	binary.NativeEndian.PutUint32(flags, uint32(ipvs.OnePacket)|2)
	want := web()
	want.PersistenceTimeout, want.PersistencePrefix = 0, 0
	if got, err := wire.DecodeService(body(t, message)); err != nil || got != want {
		t.Errorf("read as %+v, %v", got, err)
	}
}

func TestANetmaskThatIsNoPrefixIsToldApart(t *testing.T) {
	for name, c := range map[string]struct {
		key     ipvs.ServiceKey
		netmask []byte
	}{
		"255.0.255.0": {web().Key, []byte{255, 0, 255, 0}},
		"0.0.0.0":     {web().Key, []byte{0, 0, 0, 0}},
		"0.0.0.255":   {web().Key, []byte{0, 0, 0, 255}},
		"IPv6 0":      {ipvs.MarkKey(1, ipvs.IPv6), binary.NativeEndian.AppendUint32(nil, 0)},
		"IPv6 129":    {ipvs.MarkKey(1, ipvs.IPv6), binary.NativeEndian.AppendUint32(nil, 129)},
	} {
		message := asked.NewService(nil, ipvs.Service{Key: c.key, Scheduler: "rr", PersistenceTimeout: 300})
		copy(message[len(message)-4:], c.netmask)
		got, err := wire.DecodeService(body(t, message))
		if err != nil || got.PersistencePrefix != ipvs.NoPrefix {
			t.Errorf("%s: read as %+v, %v", name, got, err)
		}
	}
}

func TestDestinationsAreReadAsWritten(t *testing.T) {
	for _, want := range []ipvs.Destination{
		tomcat(),
		{Address: netip.MustParseAddr("192.0.2.11"), Method: ipvs.DirectRoute},
		{Address: netip.MustParseAddr("192.0.2.11"), Port: 80, Method: ipvs.Tunnelling, Tunnel: ipvs.Tunnel{Type: ipvs.GRE}},
		{Address: netip.MustParseAddr("2001:db8::11"), Port: 65535, Method: ipvs.Masquerade, Weight: 1},
	} {
		got, _, err := wire.DecodeDestination(body(t, asked.NewDest(nil, web().Key, want)), ipvs.IPv4)
		if err != nil || got != want {
			t.Errorf("%s: read as %+v, %v", want, got, err)
		}
	}
}

func TestTunnelsAreSentOnlyWithTunnelling(t *testing.T) {
	routed := tomcat()
	routed.Method = ipvs.DirectRoute
	got, _, err := wire.DecodeDestination(body(t, asked.NewDest(nil, web().Key, routed)), ipvs.IPv4)
	if err != nil || got.Tunnel != (ipvs.Tunnel{}) {
		t.Errorf("read as %+v, %v", got, err)
	}
}

func TestDaemonsAndTimeoutsAreReadAsWritten(t *testing.T) {
	for _, want := range []ipvs.Daemon{
		{State: ipvs.Master, Interface: "eth0", ID: 255, MaxLength: 1472, Group: netip.MustParseAddr("224.0.0.81"), Port: 8848, TTL: 1},
		{State: ipvs.Backup, Interface: "fifteen-letters", Group: netip.MustParseAddr("ff02::81"), Port: 65535, TTL: 255},
	} {
		if got, err := wire.DecodeDaemon(body(t, asked.NewDaemon(nil, want))); err != nil || got != want {
			t.Errorf("%s: read as %+v, %v", want, got, err)
		}
	}
	want := ipvs.Timeouts{TCP: 900, TCPFin: 120, UDP: 300}
	if got, err := wire.DecodeTimeouts(body(t, asked.SetConfig(nil, want))); err != nil || got != want {
		t.Errorf("read as %s, %v", got, err)
	}
}

// attribute is one attribute with its value, padded.
func attribute(kind uint16, value []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(value)))
	b = append(binary.NativeEndian.AppendUint16(b, kind), value...)
	return append(b, make([]byte, -len(b)&3)...)
}

// counters are ten statistics attributes of size bytes each, the value of which is first and up.
func counters(size int, first byte) []byte {
	var b []byte
	for kind := range uint16(10) {
		value := make([]byte, size)
		if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
			value[0] = first + byte(kind)
		} else {
			value[size-1] = first + byte(kind)
		}
		b = append(b, attribute(kind+1, value)...)
	}
	return b
}

func TestStatisticsAreTheWideOnesWhereThereAreAny(t *testing.T) {
	statistics := func(first uint64) ipvs.Statistics {
		return ipvs.Statistics{
			Connections: first, InPackets: first + 1, OutPackets: first + 2, InBytes: first + 3, OutBytes: first + 4,
			ConnectionRate: first + 5, InPacketRate: first + 6, OutPacketRate: first + 7, InByteRate: first + 8, OutByteRate: first + 9,
		}
	}
	narrow, wide := counters(4, 1), counters(8, 100)
	for name, c := range map[string]struct {
		decode       func([]byte) (ipvs.Statistics, error)
		outer        uint16
		narrow, wide uint16
	}{
		"service":     {wire.DecodeServiceStatistics, 1, 10, 12},
		"destination": {wire.DecodeDestinationStatistics, 2, 10, 12},
	} {
		old := attribute(c.narrow, narrow)
		got, err := c.decode(attribute(c.outer, old))
		if err != nil || got != statistics(1) {
			t.Errorf("%s of an old kernel: %+v, %v", name, got, err)
		}
		got, err = c.decode(attribute(c.outer, append(old, attribute(c.wide, wide)...)))
		if err != nil || got != statistics(100) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if got, err := c.decode(attribute(c.outer, nil)); err == nil {
			t.Errorf("%s without any: %+v", name, got)
		}
	}
}

func TestAFamilyHasANumber(t *testing.T) {
	number := attribute(1, binary.NativeEndian.AppendUint16(nil, 0x21))
	if family, err := wire.DecodeFamily(number); err != nil || family != 0x21 {
		t.Errorf("read as %#x, %v", family, err)
	}
	for name, answer := range map[string][]byte{"none": nil, "0": attribute(1, []byte{0, 0})} {
		if family, err := wire.DecodeFamily(answer); err == nil {
			t.Errorf("%s: read as %#x", name, family)
		}
	}
}

func TestAnswersThatAreCutOffAreErrors(t *testing.T) {
	service := body(t, asked.NewService(nil, web()))
	destination := body(t, asked.NewDest(nil, ipvs.MarkKey(7, ipvs.IPv6), tomcat()))
	for _, cut := range []int{4, 5, 30} {
		if got, err := wire.DecodeService(service[:len(service)-cut]); err == nil {
			t.Errorf("without the last %d bytes the service is read as %+v", cut, got)
		}
		if got, _, err := wire.DecodeDestination(destination[:len(destination)-cut], ipvs.IPv6); err == nil {
			t.Errorf("without the last %d bytes the destination is read as %+v", cut, got)
		}
	}
	if got, err := wire.DecodeService(nil); err == nil || !strings.Contains(err.Error(), "service") {
		t.Errorf("nothing is read as %+v, %v", got, err)
	}
}
