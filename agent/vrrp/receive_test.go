// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// received is a packet on its way from master to the Backup brucelee, which a case damages.
type received struct {
	says     vrrp.Advertisement
	packet   []byte
	envelope vrrp.Envelope
}

// seal puts the checksum into the packet that its family asks for.
func (r *received) seal() { sealedBehind(pseudoHeader(r.envelope, len(r.packet)), r.packet) }

// scene is a virtual router in one version and family: what its Backup is configured with, and where its Active sends from.
type scene struct {
	name   string
	config vrrp.Config
	active netip.Addr
}

// In which of the scenes a case plays.
const (
	two, three, six = 1, 2, 4
	all             = two | three | six
)

func scenes() []scene {
	list := []scene{{"version 2", tutorial(), master}, {"version 3", fast(), master}, {"version 3 over IPv6", fast(), master6}}
	list[0].config.Source, list[1].config.Source = brucelee, brucelee
	list[2].config.Addresses, list[2].config.Source = vips6, netip.MustParseAddr("fe80::112")
	for i := range list {
		list[i].config.Priority = 99
	}
	return list
}

// backup is a Backup that has not heard of an Active yet.
func (s scene) backup(t *testing.T) *vrrp.Instance {
	t.Helper()
	b, err := vrrp.NewInstance(s.config)
	if err != nil {
		t.Fatal(err)
	}
	b.Start(dawn, false)
	return b
}

// send is a good packet of the Active, changed first in what it says, and then in its bytes, whose checksum is made right again.
func (s scene) send(t *testing.T, say func(*vrrp.Advertisement), damage func(*received)) received {
	t.Helper()
	c := s.config
	c.Source, c.Priority = s.active, 100
	sender, err := vrrp.NewInstance(c)
	if err != nil {
		t.Fatal(err)
	}
	r := received{says: sender.Advertisement(), envelope: vrrp.Envelope{Source: s.active, Destination: vrrp.Group(s.active), TTL: vrrp.TTL}}
	if say != nil {
		say(&r.says)
	}
	if r.packet, err = r.says.AppendBinary(nil, r.envelope.Source, r.envelope.Destination); err != nil {
		t.Fatal(err)
	}
	if damage != nil {
		damage(&r)
		if len(r.packet) >= 8 {
			r.seal()
		}
	}
	return r
}

var dawn = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// take is what becomes of a packet: nil, or the reason for which it was thrown away.
func take(b *vrrp.Instance, now time.Time, r received) error {
	var a vrrp.Advertisement
	if err := a.Parse(r.packet, r.envelope); err != nil {
		return err
	}
	_, err := b.Receive(now, r.envelope.Source, &a)
	return err
}

// RFC 9568 section 7.1, RFC 3768 section 7.1, RFC 2338 section 7.1: what fails a check is discarded. Each case is a good packet with
// one thing wrong and a right checksum, so that nothing else is the reason.
func TestWhateverIsWrongWithAPacketIsTheReasonForItsDiscard(t *testing.T) {
	for _, c := range []struct {
		name   string
		in     int
		say    func(*vrrp.Advertisement)
		damage func(*received)
		want   vrrp.Discard
	}{
		{"one hop away", all, nil, func(r *received) { r.envelope.TTL = 254 }, vrrp.ErrTTL},
		{"a TTL of 0", all, nil, func(r *received) { r.envelope.TTL = 0 }, vrrp.ErrTTL},
		{"a TTL of 1", all, nil, func(r *received) { r.envelope.TTL = 1 }, vrrp.ErrTTL},
		{"version 3", two, func(a *vrrp.Advertisement) { a.Version, a.Auth = vrrp.Version3, vrrp.Authentication{} }, nil, vrrp.ErrVersion},
		{"version 2", three, func(a *vrrp.Advertisement) { a.Version, a.Interval = vrrp.Version2, time.Second }, nil, vrrp.ErrVersion},
		{"version 2", six, nil, func(r *received) { r.packet[0] = 0x21 }, vrrp.ErrVersion},
		{"version 1", all, nil, func(r *received) { r.packet[0] = 0x11 }, vrrp.ErrVersion},
		{"version 4", all, nil, func(r *received) { r.packet[0] = 0x41 }, vrrp.ErrVersion},
		{"type 0", all, nil, func(r *received) { r.packet[0] &= 0xf0 }, vrrp.ErrType},
		{"type 2", all, nil, func(r *received) { r.packet[0] = r.packet[0]&0xf0 | 2 }, vrrp.ErrType},
		{"nothing at all", all, nil, func(r *received) { r.packet = nil }, vrrp.ErrTruncated},
		{"half a header", all, nil, func(r *received) { r.packet = r.packet[:4] }, vrrp.ErrTruncated},
		{"one byte less", all, nil, func(r *received) { r.packet = r.packet[:len(r.packet)-1] }, vrrp.ErrTruncated},
		{"one address more than there is", all, nil, func(r *received) { r.packet[3]++ }, vrrp.ErrTruncated},
		{"255 addresses", all, nil, func(r *received) { r.packet[3] = 255 }, vrrp.ErrTruncated},
		{"no addresses", three | six, nil, func(r *received) { r.packet[3], r.packet = 0, r.packet[:8] }, vrrp.ErrCount},
		{"virtual router 67", all, func(a *vrrp.Advertisement) { a.VRID = 67 }, nil, vrrp.ErrVRID},
		{"virtual router 0", all, nil, func(r *received) { r.packet[1] = 0 }, vrrp.ErrVRID},
		{"no interval", two, nil, func(r *received) { r.packet[5] = 0 }, vrrp.ErrIntervalZero},
		{"no interval", three | six, nil, func(r *received) { r.packet[4], r.packet[5] = 0xf0, 0 }, vrrp.ErrIntervalZero},
		{"another interval", two, func(a *vrrp.Advertisement) { a.Interval = 2 * time.Second }, nil, vrrp.ErrInterval},
		{"authentication type 0, the right password", two, nil, func(r *received) { r.packet[4] = 0 }, vrrp.ErrAuthentication},
		{"authentication type 2 (RFC 2338: IP authentication header)", two, nil, func(r *received) { r.packet[4] = 2 }, vrrp.ErrAuthentication},
		{"authentication type 254, which is none", two, nil, func(r *received) { r.packet[4] = 254 }, vrrp.ErrAuthentication},
		{"another password", two, func(a *vrrp.Advertisement) { a.Auth.Data = [8]byte{'2', '2', '2', '2'} }, nil, vrrp.ErrAuthentication},
		{"the beginning of the password", two, func(a *vrrp.Advertisement) { a.Auth.Data[3] = 0 }, nil, vrrp.ErrAuthentication},
		{"more than the password", two, func(a *vrrp.Advertisement) { a.Auth.Data[7] = '1' }, nil, vrrp.ErrAuthentication},
		{"no password", two, func(a *vrrp.Advertisement) { a.Auth = vrrp.Authentication{} }, nil, vrrp.ErrAuthentication},
		{"a global address first", six, func(a *vrrp.Advertisement) { a.Addresses = vips6[1:] }, nil, vrrp.ErrLinkLocal},
		{"by unicast", all, nil, func(r *received) { r.envelope.Destination = r.envelope.Source.Next() }, vrrp.ErrPeer},
	} {
		for i, s := range scenes() {
			if c.in&(1<<i) == 0 {
				continue
			}
			t.Run(s.name+": "+c.name, func(t *testing.T) {
				b := s.backup(t)
				deadline := b.Deadline()
				err := take(b, dawn.Add(10*time.Millisecond), s.send(t, c.say, c.damage))
				if !errors.Is(err, c.want) {
					t.Errorf("discarded for %v, want %v", err, c.want)
				}
				if b.State() != vrrp.Backup || b.Deadline() != deadline || b.ActiveSource().IsValid() {
					t.Errorf("it changed the Backup: %s, next %s, follows %s", b.State(), b.Deadline(), b.ActiveSource())
				}
			})
		}
	}
}

// RFC 9568 section 5.2.8, RFC 3768 section 5.3.8: no single bit flips unseen.
func TestTheChecksumFindsEveryFlippedBit(t *testing.T) {
	for _, s := range scenes() {
		t.Run(s.name, func(t *testing.T) {
			good := s.send(t, nil, nil)
			if err := take(s.backup(t), dawn, good); err != nil {
				t.Fatalf("the good packet: %v", err)
			}
			reasons := map[error]int{}
			for bit := range 8 * len(good.packet) {
				bad := good
				bad.packet = bytes.Clone(good.packet)
				bad.packet[bit/8] ^= 1 << (bit % 8)
				err := take(s.backup(t), dawn, bad)
				if err == nil {
					t.Errorf("bit %d of byte %d flips unseen", bit%8, bit/8)
				}
				reasons[err]++
			}
			if reasons[vrrp.ErrChecksum] < 8*(len(good.packet)-4) {
				t.Errorf("the checksum found only %d of %d", reasons[vrrp.ErrChecksum], 8*len(good.packet))
			}
		})
	}
}

// What a receiver has to ignore, or to take.
func TestWhatIsNotWrongWithAPacketIsNoReasonToDiscardIt(t *testing.T) {
	for _, c := range []struct {
		name   string
		in     int
		say    func(*vrrp.Advertisement)
		damage func(*received)
	}{
		{"as it was sent", all, nil, nil},
		{"RFC 9568 5.2.6: bits in the reserve", three | six, nil, func(r *received) { r.packet[4] |= 0xf0 }},
		{"RFC 9568 7.1: another interval", three | six, func(a *vrrp.Advertisement) { a.Interval = time.Second }, nil},
		{"RFC 9568 7.1, RFC 3768 7.1: other addresses", all, func(a *vrrp.Advertisement) { a.Addresses = a.Addresses[:1] }, nil},
		{"RFC 9568 7.1, RFC 3768 7.1: another order of them", two | three, func(a *vrrp.Advertisement) {
			a.Addresses = []netip.Addr{vips[1], vips[0]}
		}, nil},
		{"RFC 3768 5.3.5: no addresses", two, func(a *vrrp.Advertisement) { a.Addresses = nil }, nil},
	} {
		for i, s := range scenes() {
			if c.in&(1<<i) == 0 {
				continue
			}
			t.Run(s.name+": "+c.name, func(t *testing.T) {
				b := s.backup(t)
				if err := take(b, dawn.Add(10*time.Millisecond), s.send(t, c.say, c.damage)); err != nil || b.ActiveSource() != s.active {
					t.Errorf("discarded for %v, it follows %s", err, b.ActiveSource())
				}
			})
		}
	}
}

// RFC 3768 section 5.3.10: without authentication the data is sent as zeros, and not looked at.
func TestWithoutAPasswordTheAuthenticationDataIsZeroAndIgnored(t *testing.T) {
	s := scenes()[0]
	s.config.Password = vrrp.Password{}
	sent := s.send(t, nil, nil)
	if sent.packet[4] != byte(vrrp.AuthNone) || !bytes.HasSuffix(sent.packet, make([]byte, 8)) {
		t.Errorf("sent with authentication: %x", sent.packet)
	}
	filled := s.send(t, nil, func(r *received) { copy(r.packet[len(r.packet)-8:], "whatever") })
	b := s.backup(t)
	if err := take(b, dawn, filled); err != nil || b.ActiveSource() != s.active {
		t.Errorf("discarded for %v", err)
	}
}

// Unicast is keepalived's, not the RFC's: a router with peers follows those alone, by unicast alone, from any distance.
func TestARouterWithPeersFollowsThemByUnicastAlone(t *testing.T) {
	afar := func(r *received) { r.envelope.Destination, r.envelope.TTL = brucelee, 250 }
	for _, s := range scenes()[:2] {
		for _, c := range []struct {
			name   string
			from   netip.Addr
			damage func(*received)
			want   error
		}{
			{"a peer by unicast", master, afar, nil},
			{"a peer by multicast", master, nil, vrrp.ErrPeer},
			{"another by unicast", netip.MustParseAddr("192.0.2.113"), afar, vrrp.ErrPeer},
		} {
			t.Run(s.name+": "+c.name, func(t *testing.T) {
				s.active, s.config.Peers = c.from, []netip.Addr{master}
				if err := take(s.backup(t), dawn, s.send(t, nil, c.damage)); !errors.Is(err, c.want) {
					t.Errorf("discarded for %v, want %v", err, c.want)
				}
			})
		}
	}
}

func TestEveryReasonIsOnThePage(t *testing.T) {
	const page = "../../docs/rfc.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for d := vrrp.Discard(1); d < vrrp.DiscardLimit; d++ {
		if !strings.Contains(string(text), "\n| `"+d.String()+"` |") {
			t.Errorf("%s does not explain the reason %s", page, d)
		}
	}
}
