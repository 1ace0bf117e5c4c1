// SPDX-License-Identifier: Apache-2.0

package kernel

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

func web() ipvs.Service {
	return ipvs.Service{
		Key:       ipvs.ServiceKey{Address: netip.MustParseAddr("192.0.2.10"), Port: 443, Protocol: ipvs.TCP},
		Scheduler: "wrr", PersistenceTimeout: 300,
	}
}

func tomcat() ipvs.Destination {
	return ipvs.Destination{Address: netip.MustParseAddr("192.0.2.11"), Port: 8443, Weight: 65535, Method: ipvs.Tunnel}
}

func TestWhatIsWrittenReadsTheSame(t *testing.T) {
	service, ok, err := decodeService(encodeService(web()).Serialize())
	if service != web() || !ok || err != nil {
		t.Errorf("service %+v, %v, %v", service, ok, err)
	}
	destination, ok, err := decodeDestination(encodeDestination(tomcat()).Serialize())
	if destination != tomcat() || !ok || err != nil {
		t.Errorf("destination %+v, %v, %v", destination, ok, err)
	}
}

func TestOptionsThatOurTypesCannotSayAreNoticed(t *testing.T) {
	flags := func(flags uint32) []byte { return append(nl.Uint32Attr(flags), nl.Uint32Attr(allBits)...) }
	services := map[string]struct {
		kind  int
		value []byte
		want  bool
	}{
		"the kernel's own flag":        {svcFlags, flags(flagPersistent | flagHashed), false},
		"one-packet scheduling":        {svcFlags, flags(flagPersistent | 0x4), true},
		"a scheduler's flag":           {svcFlags, flags(flagPersistent | 0x8), true},
		"a netmask":                    {svcNetmask, nl.Uint32Attr(0x00ffffff), true},
		"an engine":                    {svcEngine, nl.ZeroTerminated("sip"), true},
		"no engine":                    {svcEngine, nl.ZeroTerminated(""), false},
		"persistence without time-out": {svcTimeout, nl.Uint32Attr(0), true},
	}
	for name, c := range services {
		t.Run(name, func(t *testing.T) {
			attribute := encodeService(web())
			attribute.AddRtAttr(c.kind, c.value) // the later of two attributes wins
			if service, _, err := decodeService(attribute.Serialize()); service.Unknown != c.want || err != nil {
				t.Errorf("Unknown is %v, %v, want %v", service.Unknown, err, c.want)
			}
		})
	}
	destinations := map[string]struct {
		kind  int
		value []byte
	}{
		"an upper threshold": {destUpperThreshold, nl.Uint32Attr(10)},
		"a lower threshold":  {destLowerThreshold, nl.Uint32Attr(5)},
		"a GUE tunnel":       {destTunnelType, []byte{1}},
		"a bypass":           {destMethod, nl.Uint32Attr(4)},
	}
	for name, c := range destinations {
		t.Run(name, func(t *testing.T) {
			attribute := encodeDestination(tomcat())
			attribute.AddRtAttr(c.kind, c.value)
			if destination, _, err := decodeDestination(attribute.Serialize()); !destination.Unknown || err != nil {
				t.Errorf("Unknown is %v, %v", destination.Unknown, err)
			}
		})
	}
}

func TestServicesByMarkAndIPv6AreSomebodyElses(t *testing.T) {
	mark := nl.NewRtAttr(attrService, nil)
	mark.AddRtAttr(svcFamily, nl.Uint16Attr(unix.AF_INET))
	mark.AddRtAttr(svcMark, nl.Uint32Attr(7))
	v6 := nl.NewRtAttr(attrService, nil)
	v6.AddRtAttr(svcFamily, nl.Uint16Attr(unix.AF_INET6))
	v6.AddRtAttr(svcAddress, netip.MustParseAddr("2001:db8::1").AsSlice())
	for name, attribute := range map[string]*nl.RtAttr{"mark": mark, "IPv6": v6} {
		if service, ok, err := decodeService(attribute.Serialize()); ok || err != nil {
			t.Errorf("%s: read as %+v, %v", name, service, err)
		}
	}
}

func TestAnswerThatIsCutOffIsAnError(t *testing.T) {
	whole := encodeService(web()).Serialize()
	for _, cut := range []int{4, len(whole) - 1} {
		if service, _, err := decodeService(whole[:len(whole)-cut]); err == nil {
			t.Errorf("without the last %d bytes it was read as %+v", cut, service)
		}
	}
}

func FuzzDecodeNeverPanics(f *testing.F) {
	f.Add(encodeService(web()).Serialize())
	f.Add(encodeDestination(tomcat()).Serialize())
	f.Add([]byte{8, 0, 1, 0, 4, 0, 6, 0})
	f.Add([]byte("9\x0001" + strings.Repeat("0", 53))) // ends in an attribute without its padding
	f.Fuzz(func(_ *testing.T, answer []byte) {
		_, _, _ = decodeService(answer)
		_, _, _ = decodeDestination(answer)
	})
}
