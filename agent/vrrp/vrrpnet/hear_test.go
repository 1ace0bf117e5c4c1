// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// put is a packet in the batch as the kernel leaves it there: over IPv4 behind its IP header, over IPv6 with what the header
// said beside it.
func (b *packetBatch) put(e vrrp.Envelope, payload []byte) {
	if e.Source.Is4() {
		from, to := e.Source.As4(), e.Destination.As4()
		header := []byte{0x45, internetworkControl, 0, byte(20 + len(payload)), 0, 0, 0, 0, byte(e.TTL), vrrp.Protocol, 0, 0}
		header = append(append(header, from[:]...), to[:]...)
		b.messages[0].length = uint32(copy(b.packets[0][:], append(header, payload...)))
		return
	}
	b.messages[0].length = uint32(copy(b.packets[0][:], payload))
	b.sources[0].Addr = e.Source.As16()
	to := e.Destination.As16()
	control := controlMessage(unix.IPV6_HOPLIMIT, binary.NativeEndian.AppendUint32(nil, uint32(e.TTL)))
	control = append(control, controlMessage(unix.IPV6_PKTINFO, append(to[:], 7, 0, 0, 0))...)
	b.messages[0].header.SetControllen(copy(b.control[0][:], control))
}

func controlMessage(kind int, value []byte) []byte {
	b := binary.NativeEndian.AppendUint64(nil, uint64(unix.CmsgLen(len(value))))
	b = binary.NativeEndian.AppendUint32(b, unix.IPPROTO_IPV6)
	b = append(binary.NativeEndian.AppendUint32(b, uint32(kind)), value...)
	return append(b, make([]byte, unix.CmsgSpace(len(value))-unix.CmsgLen(len(value)))...)
}

// wrong is a packet that no router follows, and why.
type wrong struct {
	reason vrrp.Discard
	say    func(*vrrp.Advertisement)
	damage func(*vrrp.Envelope, []byte) []byte
}

// RFC 9568 section 7.1, RFC 3768 section 7.1: a bad packet changes nothing, and is counted by what is wrong with it. Only the id
// cannot be wrong here: it says whose packet it is.
func TestEachDiscardIsCountedByItsReason(t *testing.T) {
	four := []netip.Addr{netip.MustParseAddr("192.0.2.200")}
	six := []netip.Addr{vrrp.LinkLocal(66), netip.MustParseAddr("2001:db8::200")}
	everywhere := []wrong{
		{vrrp.ErrTTL, nil, func(e *vrrp.Envelope, b []byte) []byte { e.TTL = 254; return b }},
		{vrrp.ErrTruncated, nil, func(_ *vrrp.Envelope, b []byte) []byte { return b[:len(b)-1] }},
		{vrrp.ErrVersion, nil, func(_ *vrrp.Envelope, b []byte) []byte { b[0] = 0x11; return b }},
		{vrrp.ErrType, nil, func(_ *vrrp.Envelope, b []byte) []byte { b[0]++; return b }},
		{vrrp.ErrChecksum, nil, func(_ *vrrp.Envelope, b []byte) []byte { b[6] ^= 1; return b }},
		{vrrp.ErrOwnSource, nil, nil}, // sent from our own address: see below
		{vrrp.ErrPeer, nil, func(e *vrrp.Envelope, b []byte) []byte { e.Destination = e.Source.Next(); return b }},
	}
	for _, c := range []struct {
		name   string
		config vrrp.Config
		active string
		wrong  []wrong
	}{
		{"version 2", vrrp.Config{Version: vrrp.Version2, Interval: time.Second, Addresses: four, Password: vrrp.NewPassword("1111")}, "192.0.2.112", []wrong{
			{vrrp.ErrAuthentication, func(a *vrrp.Advertisement) { a.Auth.Data[0]++ }, nil},
			{vrrp.ErrAuthentication, func(a *vrrp.Advertisement) { a.Auth.Type = 2 }, nil},
			{vrrp.ErrInterval, func(a *vrrp.Advertisement) { a.Interval *= 2 }, nil},
		}},
		{"version 3", vrrp.Config{Version: vrrp.Version3, Interval: time.Second, Addresses: four, PlainChecksum: true}, "192.0.2.112", []wrong{
			{vrrp.ErrCount, nil, func(*vrrp.Envelope, []byte) []byte { return unhex(t, "3142 6500 0064 6959") }},
			{vrrp.ErrIntervalZero, nil, func(*vrrp.Envelope, []byte) []byte { return unhex(t, "3142 6501 0000 a6f3 c000 02c8") }},
		}},
		{"version 3 over IPv6", vrrp.Config{Version: vrrp.Version3, Interval: time.Second, Addresses: six}, "fe80::112", []wrong{
			{vrrp.ErrLinkLocal, func(a *vrrp.Advertisement) { a.Addresses = six[1:] }, nil},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := time.Now()
			c.config.VRID, c.config.Priority = 66, 100
			th, r := activeWith(t, &node{}, now, c.config)
			in := newPacketBatch()
			var want [vrrp.DiscardLimit]uint64
			for _, w := range slices.Concat(everywhere, c.wrong) {
				e := vrrp.Envelope{Source: netip.MustParseAddr(c.active), Destination: vrrp.Group(c.config.Family()), TTL: vrrp.TTL}
				if w.reason == vrrp.ErrOwnSource {
					e.Source = r.source
				}
				says := r.instance.Advertisement()
				says.Priority = 101 // it would win
				if w.say != nil {
					w.say(&says)
				}
				packet, err := says.AppendBinary(nil, e.Source, e.Destination)
				if err != nil {
					t.Fatal(err)
				}
				if w.damage != nil {
					packet = w.damage(&e, packet)
				}
				want[w.reason]++
				in.put(e, packet)
				th.hear(now, in, familyIndex(e.Source), 0)
				if got := r.counters.snapshot(); got.Discarded != want || got.Received != 0 || r.instance.State() != vrrp.Active {
					t.Fatalf("%s: counted %v, want %v; %d received, state %s", w.reason, got.Discarded, want, got.Received, r.instance.State())
				}
			}

			good := r.instance.Advertisement()
			good.Priority = 101
			e := vrrp.Envelope{Source: netip.MustParseAddr(c.active), Destination: vrrp.Group(c.config.Family()), TTL: vrrp.TTL}
			packet, err := good.AppendBinary(nil, e.Source, e.Destination)
			if err != nil {
				t.Fatal(err)
			}
			in.put(e, packet)
			th.hear(now, in, familyIndex(e.Source), 0)
			if got := r.counters.snapshot(); got.Discarded != want || got.Received != 1 || r.instance.State() != vrrp.Backup {
				t.Errorf("the good packet: counted %v, %d received, state %s", got.Discarded, got.Received, r.instance.State())
			}
		})
	}
}

// RFC 9568 section 7.1: an id that is not configured on the interface is none of its routers' business.
func TestAnotherVirtualRoutersPacketIsNotCountedButRemembered(t *testing.T) {
	now := time.Now()
	th, r := activeOn(t, &node{}, now)
	in := newPacketBatch()
	e := vrrp.Envelope{Source: netip.MustParseAddr("192.0.2.113"), Destination: vrrp.Group(r.source), TTL: vrrp.TTL}
	says := r.instance.Advertisement()
	says.VRID, says.Priority = 67, 255
	packet, err := says.AppendBinary(nil, e.Source, e.Destination)
	if err != nil {
		t.Fatal(err)
	}
	bad := append([]byte(nil), packet...)
	bad[1]++ // router 68, and the checksum is wrong
	for _, payload := range [][]byte{packet, bad, {0x31}} {
		in.put(e, payload)
		th.hear(now, in, 0, 0)
	}
	if got := r.counters.snapshot(); got.Discarded != [vrrp.DiscardLimit]uint64{} || got.Received != 0 || r.instance.State() != vrrp.Active {
		t.Errorf("counted %v, %d received, state %s", got.Discarded, got.Received, r.instance.State())
	}
	if heard := th.strangers.list(); len(heard) != 1 || heard[0].VRID != 67 || heard[0].Source != e.Source {
		t.Errorf("strangers %+v, want router 67 alone", heard)
	}
}

// Who resigned or is preempted goes on serving for a moment; who fell silent is dead.
func TestADirectorThatTakesOverKnowsWhetherTheOneBeforeIsAlive(t *testing.T) {
	other := netip.MustParseAddr("192.0.2.115")
	for _, test := range []struct {
		name     string
		priority uint8
		silence  time.Duration
		want     netip.Addr
	}{
		{"it resigned", vrrp.PriorityResign, 700 * time.Millisecond, other},
		{"it is preempted", 50, 700 * time.Millisecond, other},
		{"it died", 200, 3700 * time.Millisecond, netip.Addr{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := time.Now()
			l, r := activeOn(t, &node{}, now)
			backUp(l, r, now)
			now = now.Add(4 * time.Second)
			r.receive(now.Add(-test.silence), other, &vrrp.Advertisement{
				Version: vrrp.Version3, VRID: 66, Priority: test.priority, Interval: time.Second, Addresses: r.config.Addresses,
			})
			l.setTimers()
			l.tick(now)
			runner := &Runner{router: r, thread: l}
			if r.instance.State() != vrrp.Active || runner.Predecessor() != test.want {
				t.Errorf("state %s, predecessor %s, want Active and %s", r.instance.State(), runner.Predecessor(), test.want)
			}
		})
	}
}

// backUp starts the router again, without an Active to be heard.
func backUp(l *thread, r *router, now time.Time) {
	r.act(now, r.instance.Shutdown(now))
	r.act(now, r.instance.Start(now, false))
	l.setTimers()
}
