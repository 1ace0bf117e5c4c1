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

// wrong is what is wrong with a packet that no router follows.
type wrong struct {
	reason vrrp.Discard
	say    func(*vrrp.Advertisement)
	damage func(*vrrp.Envelope, []byte) []byte
}

// wrongs are what can be wrong with the packets of one kind of virtual router.
type wrongs struct {
	name   string
	config vrrp.Config
	// active is where the packets come from.
	active netip.Addr
	wrong  []wrong
}

// wrongPackets are all reasons for a discard but a wrong id: it says whose packet it is.
func wrongPackets(t *testing.T) []wrongs {
	t.Helper()
	four := []netip.Addr{netip.MustParseAddr("192.0.2.200")}
	six := []netip.Addr{vrrp.LinkLocal(66), netip.MustParseAddr("2001:db8::200")}
	everywhere := []wrong{
		{vrrp.ErrTTL, nil, func(e *vrrp.Envelope, b []byte) []byte { e.TTL = 254; return b }},
		{vrrp.ErrTruncated, nil, func(_ *vrrp.Envelope, b []byte) []byte { return b[:len(b)-1] }},
		{vrrp.ErrVersion, nil, func(_ *vrrp.Envelope, b []byte) []byte { b[0] = 0x11; return b }},
		{vrrp.ErrType, nil, func(_ *vrrp.Envelope, b []byte) []byte { b[0]++; return b }},
		{vrrp.ErrChecksum, nil, func(_ *vrrp.Envelope, b []byte) []byte { b[6] ^= 1; return b }},
		{vrrp.ErrOwnSource, nil, nil}, // sent from our own address: see the tests
		{vrrp.ErrPeer, nil, nil},      // sent to our own address
	}
	list := []wrongs{
		{"version 2", vrrp.Config{Version: vrrp.Version2, Addresses: four, Password: vrrp.NewPassword("1111")}, netip.MustParseAddr("192.0.2.113"), []wrong{
			{vrrp.ErrAuthentication, func(a *vrrp.Advertisement) { a.Auth.Data[0]++ }, nil},
			{vrrp.ErrAuthentication, func(a *vrrp.Advertisement) { a.Auth.Type = 2 }, nil},
			{vrrp.ErrInterval, func(a *vrrp.Advertisement) { a.Interval *= 2 }, nil},
		}},
		{"version 3", vrrp.Config{Version: vrrp.Version3, Addresses: four, PlainChecksum: true}, netip.MustParseAddr("192.0.2.113"), []wrong{
			{vrrp.ErrCount, nil, func(*vrrp.Envelope, []byte) []byte { return unhex(t, "3142 6500 0064 6959") }},
			{vrrp.ErrIntervalZero, nil, func(*vrrp.Envelope, []byte) []byte { return unhex(t, "3142 6501 0000 a6f3 c000 02c8") }},
		}},
		{"version 3 over IPv6", vrrp.Config{Version: vrrp.Version3, Addresses: six}, netip.MustParseAddr("fe80::113"), []wrong{
			{vrrp.ErrLinkLocal, func(a *vrrp.Advertisement) { a.Addresses = six[1:] }, nil},
		}},
	}
	for i := range list {
		c := &list[i]
		c.config.VRID, c.config.Priority, c.config.Interval, c.config.Preempt = 66, 100, time.Second, true
		c.wrong = slices.Concat(everywhere, c.wrong)
	}
	return list
}

// packet is an advertisement that would win against the router, with this wrong with it. The router sends from source.
func (w wrongs) packet(t *testing.T, with wrong, source netip.Addr) (vrrp.Envelope, []byte) {
	t.Helper()
	winner, err := vrrp.NewInstance(w.config)
	if err != nil {
		t.Fatal(err)
	}
	says := winner.Advertisement()
	says.Priority = 101
	e := vrrp.Envelope{Source: w.active, Destination: vrrp.Group(w.active), TTL: vrrp.TTL}
	switch with.reason {
	case vrrp.ErrOwnSource:
		e.Source = source
	case vrrp.ErrPeer:
		e.Destination = source
	}
	if with.say != nil {
		with.say(&says)
	}
	packet, err := says.AppendBinary(nil, e.Source, e.Destination)
	if err != nil {
		t.Fatal(err)
	}
	if with.damage != nil {
		packet = with.damage(&e, packet)
	}
	return e, packet
}

// RFC 9568 section 7.1, RFC 3768 section 7.1: a bad packet changes nothing, and is counted by what is wrong with it.
func TestEachDiscardIsCountedByItsReason(t *testing.T) {
	for _, c := range wrongPackets(t) {
		t.Run(c.name, func(t *testing.T) {
			now := time.Now()
			th, r := activeWith(t, &node{}, now, c.config)
			in := newPacketBatch()
			var want [vrrp.DiscardLimit]uint64
			for _, w := range c.wrong {
				e, packet := c.packet(t, w, r.source)
				want[w.reason]++
				in.put(e, packet)
				th.hear(now, in, familyIndex(e.Source), 0)
				if got := r.counters.snapshot(); got.Discarded != want || got.Received != 0 || r.instance.State() != vrrp.Active {
					t.Fatalf("%s: counted %v, want %v; %d received, state %s", w.reason, got.Discarded, want, got.Received, r.instance.State())
				}
			}
			e, packet := c.packet(t, wrong{}, r.source)
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
		alive    bool
	}{
		{"it resigned", vrrp.PriorityResign, 700 * time.Millisecond, true},
		{"it is preempted", 50, 700 * time.Millisecond, true},
		{"it fell silent", 200, 3700 * time.Millisecond, false},
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
			if predecessor, alive := runner.Predecessor(); r.instance.State() != vrrp.Active || predecessor != other || alive != test.alive {
				t.Errorf("state %s, predecessor %s, alive %t; want Active, %s, %t", r.instance.State(), predecessor, alive, other, test.alive)
			}
		})
	}
}

// What a rival brings about is not a packet's to repeat: anybody on the link can send one.
func TestARivalIsToldOfAtMostFourTimesASecond(t *testing.T) {
	now, other := time.Now(), netip.MustParseAddr("192.0.2.113")
	_, r := activeOn(t, &node{}, now)
	var told []netip.Addr
	r.options.OnRival = func(source netip.Addr) { told = append(told, source) }
	losing := r.instance.Advertisement()
	losing.Priority--
	for i := range 100 {
		r.receive(now.Add(time.Duration(i)*10*time.Millisecond), other, &losing)
	}
	better := losing
	better.Priority += 2
	r.receive(now.Add(time.Minute), other, &better)
	r.receive(now.Add(2*time.Minute), other, &better)
	if len(told) != 5 || told[0] != other {
		t.Errorf("told of %s; want %s four times in the second of losing ones, and once more for the better one", told, other)
	}
}

// backUp starts the router again, without an Active to be heard.
func backUp(l *thread, r *router, now time.Time) {
	r.act(now, r.instance.Shutdown(now))
	r.act(now, r.instance.Start(now, false))
	l.setTimers()
}
