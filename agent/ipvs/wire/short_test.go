// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// The message that is written into place is the one that is put together attribute by attribute.
func TestTheShortFormSaysTheSame(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	four := func() netip.Addr {
		return netip.AddrFrom4([4]byte{byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())})
	}
	for range 1000 {
		key := ipvs.ServiceKey{Address: four(), Port: uint16(r.Uint32()), Protocol: ipvs.Protocol(r.Uint32())}
		d := ipvs.Destination{
			Address: four(), Port: uint16(r.Uint32()), Method: []ipvs.Method{ipvs.Masquerade, ipvs.DirectRoute}[r.IntN(2)],
			Weight: r.Uint32(), UpperThreshold: r.Uint32(), LowerThreshold: r.Uint32(),
		}
		if !isShort(key, d) {
			t.Fatalf("no short form for %s %s", key, d)
		}
		request := Request{Family: uint16(r.Uint32()), Sequence: r.Uint32()}
		got, want := request.appendShort([]byte("kept"), cmdNewDest, key, d), request.appendLong([]byte("kept"), cmdNewDest, key, d)
		if !bytes.Equal(got, want) {
			t.Fatalf("%s %s:\ngot  %x\nwant %x", key, d, got, want)
		}
	}
}

func TestOnlyWhatIsAlikeHasTheShortForm(t *testing.T) {
	address := netip.MustParseAddr("192.0.2.10")
	key := ipvs.ServiceKey{Address: address, Port: 80, Protocol: ipvs.TCP}
	for name, c := range map[string]struct {
		key         ipvs.ServiceKey
		destination ipvs.Destination
	}{
		"a mark":               {ipvs.MarkKey(7, ipvs.IPv4), ipvs.Destination{Address: address}},
		"an IPv6 service":      {ipvs.ServiceKey{Address: netip.MustParseAddr("2001:db8::1"), Protocol: ipvs.TCP}, ipvs.Destination{Address: address}},
		"an IPv6 destination":  {key, ipvs.Destination{Address: netip.MustParseAddr("2001:db8::1"), Method: ipvs.Tunnelling}},
		"a tunnel with a type": {key, ipvs.Destination{Address: address, Method: ipvs.Tunnelling}},
	} {
		if isShort(c.key, c.destination) {
			t.Errorf("%s has the short form", name)
		}
	}
}
