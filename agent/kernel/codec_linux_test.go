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
	return ipvs.Destination{Address: netip.MustParseAddr("192.0.2.11"), Port: 8443, Weight: 65535, Method: ipvs.Tunnelling}
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
