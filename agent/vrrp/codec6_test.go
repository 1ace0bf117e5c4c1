// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

var (
	master6 = netip.MustParseAddr("fe80::114")
	vips6   = []netip.Addr{vrrp.LinkLocal(66), netip.MustParseAddr("2001:db8::200")}
	from6   = vrrp.Envelope{Source: master6, Destination: vrrp.Group(master6), TTL: vrrp.TTL}
)

// packet6 is virtual router 66 at fe80::114, priority 100, every 100 ms. Its checksum was computed apart from this package.
const packet6 = "3142 6402 000a dbf2 fe80 0000 0000 0000 0200 5eff fe00 0242 2001 0db8 0000 0000 0000 0000 0000 0200"

func TestVersion3OverIPv6(t *testing.T) {
	says := vrrp.Advertisement{Version: vrrp.Version3, VRID: 66, Priority: 100, Interval: 100 * time.Millisecond, Addresses: vips6}
	written, err := says.AppendBinary(nil, master6, vrrp.Group(master6))
	if err != nil {
		t.Fatal(err)
	}
	if want := unhex(t, packet6); !bytes.Equal(written, want) {
		t.Errorf("AppendBinary:\nwant %x\n got %x", want, written)
	}
	if says.Size() != len(written) {
		t.Errorf("Size = %d, want %d", says.Size(), len(written))
	}
	var got vrrp.Advertisement
	if err := got.Parse(written, from6); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(says, got, addrs); diff != "" {
		t.Errorf("Parse (-want +got):\n%s", diff)
	}
}

func TestBadPacketsOverIPv6AreDiscardedWithTheirReason(t *testing.T) {
	hop254, elsewhere := from6, from6
	hop254.TTL = 254
	elsewhere.Source = netip.MustParseAddr("fe80::112")
	global := vrrp.Advertisement{Version: vrrp.Version3, VRID: 66, Priority: 100, Interval: time.Second, Addresses: vips6[1:]}
	notLocal, err := global.AppendBinary(nil, master6, vrrp.Group(master6))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name     string
		packet   []byte
		envelope vrrp.Envelope
		want     error
	}{
		{"RFC 9568 5.1.2.3: forwarded by a router on its way", unhex(t, packet6), hop254, vrrp.ErrTTL},
		{"RFC 9568 5.2.8: the pseudo-header is of another sender", unhex(t, packet6), elsewhere, vrrp.ErrChecksum},
		{"RFC 9568 5.2.8: no pseudo-header", sealed(unhex(t, packet6)), from6, vrrp.ErrChecksum},
		{"RFC 9568 5.2.9: the first address is not link-local", notLocal, from6, vrrp.ErrLinkLocal},
		{"RFC 9568 7.1: version 2", append([]byte{0x21}, unhex(t, packet6)[1:]...), from6, vrrp.ErrVersion},
		{"RFC 9568 7.1: the second address is cut", unhex(t, packet6)[:30], from6, vrrp.ErrTruncated},
	} {
		t.Run(c.name, func(t *testing.T) {
			var a vrrp.Advertisement
			if err := a.Parse(c.packet, c.envelope); !errors.Is(err, c.want) {
				t.Errorf("Parse = %v, want %v", err, c.want)
			}
		})
	}
}

func TestUnicastMayComeFromAfarAndWithOldKeepalivedsChecksum(t *testing.T) {
	says := vrrp.Advertisement{Version: vrrp.Version3, VRID: 66, Priority: 100, Interval: time.Second, Addresses: vips, Unicast: true}
	for name, destination := range map[string]netip.Addr{"the peer's address": brucelee, "the group, as old keepalived had it": vrrp.Group(master)} {
		packet, err := says.AppendBinary(nil, master, destination)
		if err != nil {
			t.Fatal(err)
		}
		var got vrrp.Advertisement
		if err := got.Parse(packet, vrrp.Envelope{Source: master, Destination: brucelee, TTL: 250}); err != nil {
			t.Errorf("%s in the pseudo-header: %v", name, err)
		}
		if diff := cmp.Diff(says, got, addrs); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestThePlainChecksumIsThatOfRFC9568(t *testing.T) {
	says := captured[2].says
	says.Plain = true
	got, err := says.AppendBinary(nil, master, vrrp.Group(master))
	if want := unhex(t, "3142 6402 000a e51e c000 02c8 c000 02c9"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %x, %v, want %x", got, err, want)
	}
}
