// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

var (
	master   = netip.MustParseAddr("192.0.2.114")
	brucelee = netip.MustParseAddr("192.0.2.112")
	vips     = []netip.Addr{netip.MustParseAddr("192.0.2.200"), netip.MustParseAddr("192.0.2.201")}
	fromHere = vrrp.Envelope{Source: master, Destination: vrrp.Group(master), TTL: vrrp.TTL}
	addrs    = cmpopts.EquateComparable(netip.Addr{})
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The packets were captured from keepalived 2.2.7: virtual router 66 at 192.0.2.114, priority 100, password 1111.
var captured = []struct {
	name   string
	packet string
	says   vrrp.Advertisement
}{
	{
		"version 2 with a password (RFC 2338 section 5)",
		"2142 6402 0101 91c5 c000 02c8 c000 02c9 3131 3131 0000 0000",
		vrrp.Advertisement{Version: vrrp.Version2, VRID: 66, Priority: 100, Interval: time.Second, Addresses: vips,
			Auth: vrrp.Authentication{Type: vrrp.AuthPassword, Data: [8]byte{'1', '1', '1', '1'}}},
	},
	{
		"version 2 resigning (RFC 3768 section 5.3.4)",
		"2142 0002 0101 f5c5 c000 02c8 c000 02c9 3131 3131 0000 0000",
		vrrp.Advertisement{Version: vrrp.Version2, VRID: 66, Priority: 0, Interval: time.Second, Addresses: vips,
			Auth: vrrp.Authentication{Type: vrrp.AuthPassword, Data: [8]byte{'1', '1', '1', '1'}}},
	},
	{
		"version 3 every 100 ms (RFC 5798 section 5)",
		"3142 6402 000a 4219 c000 02c8 c000 02c9",
		vrrp.Advertisement{Version: vrrp.Version3, VRID: 66, Priority: 100, Interval: 100 * time.Millisecond, Addresses: vips},
	},
	{
		"version 3 resigning (RFC 5798 section 5.2.4)",
		"3142 0002 000a a619 c000 02c8 c000 02c9",
		vrrp.Advertisement{Version: vrrp.Version3, VRID: 66, Priority: 0, Interval: 100 * time.Millisecond, Addresses: vips},
	},
}

func TestWeReadAndWriteWhatKeepalivedWrites(t *testing.T) {
	for _, c := range captured {
		t.Run(c.name, func(t *testing.T) {
			packet := unhex(t, c.packet)
			var got vrrp.Advertisement
			if err := got.Parse(packet, fromHere); err != nil {
				t.Fatalf("Parse: %v", err)
			}
			if diff := cmp.Diff(c.says, got, addrs); diff != "" {
				t.Errorf("Parse (-want +got):\n%s", diff)
			}
			written, err := c.says.AppendBinary([]byte("kept"), master, vrrp.Group(master))
			if err != nil {
				t.Fatalf("AppendBinary: %v", err)
			}
			if want := append([]byte("kept"), packet...); !bytes.Equal(want, written) {
				t.Errorf("AppendBinary:\nwant %x\n got %x", want, written)
			}
			if c.says.Size() != len(packet) {
				t.Errorf("Size = %d, want %d", c.says.Size(), len(packet))
			}
		})
	}
}

func TestBadPacketsAreDiscardedWithTheirReason(t *testing.T) {
	const (
		version2 = "2142 6402 0101 91c5 c000 02c8 c000 02c9 3131 3131 0000 0000"
		version3 = "3142 6402 000a 4219 c000 02c8 c000 02c9"
	)
	ttl254 := fromHere
	ttl254.TTL = 254
	elsewhere := fromHere
	elsewhere.Source = brucelee
	six := fromHere
	six.Source = netip.MustParseAddr("2001:db8::1")
	for _, c := range []struct {
		name     string
		packet   string
		envelope vrrp.Envelope
		want     error
	}{
		{"RFC 9568 5.1.1.3: forwarded by a router on its way", version3, ttl254, vrrp.ErrTTL},
		{"RFC 9568 7.1: nothing", "", fromHere, vrrp.ErrTruncated},
		{"RFC 9568 7.1: half a header", "3142 6402", fromHere, vrrp.ErrTruncated},
		{"RFC 9568 7.1: the second address is cut", "3142 6402 000a 4219 c000 02c8 c000", fromHere, vrrp.ErrTruncated},
		{"RFC 2338 5.1: the authentication data is cut", "2142 6402 0101 91c5 c000 02c8 c000 02c9 3131 3131", fromHere, vrrp.ErrTruncated},
		{"RFC 9568 5.1.2: an IPv4 packet between IPv6 addresses", version3, six, vrrp.ErrTruncated},
		{"RFC 9568 7.1: version 1", "1142 6402 000a 4219 c000 02c8 c000 02c9", fromHere, vrrp.ErrVersion},
		{"RFC 9568 7.1: version 4", "4142 6402 000a 4219 c000 02c8 c000 02c9", fromHere, vrrp.ErrVersion},
		{"RFC 9568 5.2.2: type 2", "3242 6402 000a 4219 c000 02c8 c000 02c9", fromHere, vrrp.ErrType},
		{"RFC 9568 5.2.8: a flipped bit", "3142 6502 000a 4219 c000 02c8 c000 02c9", fromHere, vrrp.ErrChecksum},
		{"RFC 5798 5.2.8: another sender than the checksum's", version3, elsewhere, vrrp.ErrChecksum},
		{"RFC 3768 5.3.8: a flipped bit in the password", "2142 6402 0101 91c5 c000 02c8 c000 02c9 3131 3130 0000 0000", fromHere, vrrp.ErrChecksum},
		{"RFC 3768 5.3.8: version 2 with a pseudo-header", "2142 6402 0101 eeb7 c000 02c8 c000 02c9 3131 3131 0000 0000", fromHere, vrrp.ErrChecksum},
		{"RFC 9568 5.2.3: virtual router 0", "3100 6401 0064 a81e c000 027b", fromHere, vrrp.ErrVRID},
		{"RFC 9568 5.2.5: no addresses", "3142 6400 000a 6ab3", fromHere, vrrp.ErrCount},
		{"RFC 9568 7.1: interval 0", "3142 6401 0000 a7f3 c000 02c8", fromHere, vrrp.ErrIntervalZero},
		{"the good version 2", version2, fromHere, nil},
		{"RFC 3768 5.3.8: no pseudo-header, so any sender", version2, elsewhere, nil},
		{"bytes after the end", version3 + "dead", fromHere, nil},
		{"RFC 9568 5.2.8: version 3 without pseudo-header", "3142 6402 000a e51e c000 02c8 c000 02c9", elsewhere, nil},
		{"RFC 9568 5.2.6: reserved bits are ignored", "3142 6402 f00a f51d c000 02c8 c000 02c9", fromHere, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var a vrrp.Advertisement
			if err := a.Parse(unhex(t, c.packet), c.envelope); !errors.Is(err, c.want) {
				t.Errorf("Parse = %v, want %v", err, c.want)
			}
		})
	}
}

// sealed puts the checksum of RFC 9568 section 5.2.8 over IPv4 (no pseudo-header) into the packet.
func sealed(packet []byte) []byte { return sealedBehind(nil, packet) }

// sealedBehind puts the checksum of a pseudo-header and the packet into the packet.
func sealedBehind(pseudo, packet []byte) []byte {
	packet[6], packet[7] = 0, 0
	var sum uint32
	for _, part := range [][]byte{pseudo, packet} {
		for i := 0; i+1 < len(part); i += 2 {
			sum += uint32(part[i])<<8 | uint32(part[i+1])
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	packet[6], packet[7] = byte(^sum>>8), byte(^sum)
	return packet
}

// pseudoHeader is that of RFC 8200 section 8.1 over IPv6, and nothing over IPv4.
func pseudoHeader(e vrrp.Envelope, length int) []byte {
	if e.Source.Is4() {
		return nil
	}
	from, to := e.Source.As16(), e.Destination.As16()
	return append(append(from[:], to[:]...), 0, 0, byte(length>>8), byte(length), 0, 0, 0, vrrp.Protocol)
}

func TestWhatAPacketCannotCarryIsNotEncoded(t *testing.T) {
	good := captured[2].says
	for _, c := range []struct {
		name   string
		change func(*vrrp.Advertisement)
		says   string
	}{
		{"version 4", func(a *vrrp.Advertisement) { a.Version = 4 }, "want 2 or 3"},
		{"virtual router 0", func(a *vrrp.Advertisement) { a.VRID = 0 }, "want 1 to 255"},
		{"5 ms", func(a *vrrp.Advertisement) { a.Interval = 5 * time.Millisecond }, "multiples of 10ms up to 40.95s"},
		{"41 s", func(a *vrrp.Advertisement) { a.Interval = 41 * time.Second }, "multiples of 10ms up to 40.95s"},
		{"100 ms in version 2", func(a *vrrp.Advertisement) { a.Version = vrrp.Version2 }, "multiples of 1s up to 4m15s"},
		{"256 addresses", func(a *vrrp.Advertisement) { a.Addresses = make([]netip.Addr, 256) }, "at most 255"},
		{"no address", func(a *vrrp.Advertisement) { a.Addresses = nil }, "at least one"},
		{"an IPv6 address", func(a *vrrp.Advertisement) { a.Addresses = []netip.Addr{netip.MustParseAddr("2001:db8::1")} }, "want the family of the sender"},
		{"a password in version 3", func(a *vrrp.Advertisement) { a.Auth.Type = vrrp.AuthPassword }, "version 3 has none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := good
			c.change(&a)
			b, err := a.AppendBinary([]byte("kept"), master, vrrp.Group(master))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want it to say %q", err, c.says)
			}
			if string(b) != "kept" {
				t.Errorf("the buffer became %q", b)
			}
		})
	}
}

func TestTheCodecAllocatesNothing(t *testing.T) {
	for _, c := range captured {
		packet := unhex(t, c.packet)
		bad := bytes.Clone(packet)
		bad[2]++
		room := make([]byte, 0, 2048)
		a := vrrp.Advertisement{Addresses: make([]netip.Addr, 0, 255)}
		if n := testing.AllocsPerRun(100, func() { _, _ = c.says.AppendBinary(room, master, vrrp.Group(master)) }); n != 0 {
			t.Errorf("%s: AppendBinary allocates %v times", c.name, n)
		}
		if n := testing.AllocsPerRun(100, func() { _ = a.Parse(packet, fromHere) }); n != 0 {
			t.Errorf("%s: Parse allocates %v times", c.name, n)
		}
		if n := testing.AllocsPerRun(100, func() { _ = a.Parse(bad, fromHere) }); n != 0 {
			t.Errorf("%s: Parse of a damaged packet allocates %v times", c.name, n)
		}
	}
}

// Whatever is received: no panic, every refusal is a Discard, and what is read is written back the same.
func FuzzParse(f *testing.F) {
	for _, c := range captured {
		f.Add(unhex(f, c.packet), 255, uint8(0))
	}
	f.Add(unhex(f, "3142 6402 f00a 0000 c000 02c8 c000 02c9"), 255, uint8(0)) // RFC 9568 5.2.6: reserved bits are ignored
	f.Add([]byte{0x31, 1, 100, 255, 0, 1, 0, 0}, 255, uint8(0))
	f.Add(unhex(f, packet6), 255, uint8(2))
	f.Fuzz(func(t *testing.T, packet []byte, ttl int, way uint8) {
		e := []vrrp.Envelope{fromHere, {Source: master, Destination: brucelee}, from6}[way%3]
		if len(packet) >= 8 {
			sealedBehind(pseudoHeader(e, len(packet)), packet)
		}
		e.TTL = ttl
		var a, again vrrp.Advertisement
		if err := a.Parse(packet, e); err != nil {
			var d vrrp.Discard
			if !errors.As(err, &d) || d == 0 || d >= vrrp.DiscardLimit || d.String() == "" {
				t.Fatalf("Parse = %#v, want a Discard", err)
			}
			return
		}
		written, err := a.AppendBinary(nil, e.Source, e.Destination)
		if err != nil {
			t.Fatalf("cannot write what was read: %v", err)
		}
		if err := again.Parse(written, e); err != nil {
			t.Fatalf("cannot read what was written: %v", err)
		}
		if diff := cmp.Diff(a, again, addrs, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("read, written, read (-first +second):\n%s", diff)
		}
		packet = packet[:len(written)]
		packet[6], packet[7], written[6], written[7] = 0, 0, 0, 0
		if a.Version == vrrp.Version3 {
			packet[4] &= 0xf
		}
		if !bytes.Equal(packet, written) {
			t.Errorf("read and written differ:\n%x\n%x", packet, written)
		}
	})
}
