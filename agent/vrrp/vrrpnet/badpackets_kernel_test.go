// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package vrrpnet

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// stranger is a third host that sends what it likes.
type stranger struct {
	*host
	hardware []byte
	out      int
}

func (h *host) newStranger() *stranger {
	h.t.Helper()
	s := &stranger{host: h.newClient()}
	s.hardware = s.link("eth0").Attrs().HardwareAddr
	s.out = s.tap("eth0", unix.SOCK_RAW, func([]byte, *unix.SockaddrLinklayer) {})
	return s
}

// send sends a packet, to the hardware address where one is given, else to where the destination's group is.
func (s *stranger) send(e vrrp.Envelope, payload []byte, to ...byte) {
	s.t.Helper()
	if to == nil {
		to = groupHardware(e.Destination)
	}
	if _, err := unix.Write(s.out, ethernet(to, s.hardware, e, payload)); err != nil {
		s.t.Fatalf("send from %s: %v", s.ns, err)
	}
}

// groupHardware is the Ethernet address of a multicast group (RFC 1112 section 6.4, RFC 2464 section 7).
func groupHardware(group netip.Addr) []byte {
	b := group.AsSlice()
	if group.Is4() {
		return []byte{0x01, 0x00, 0x5e, b[1] & 0x7f, b[2], b[3]}
	}
	return append([]byte{0x33, 0x33}, b[12:]...)
}

// ethernet is a frame with an IP packet of VRRP.
func ethernet(to, from []byte, e vrrp.Envelope, payload []byte) []byte {
	b := append(append([]byte(nil), to...), from...)
	source, destination := e.Source.AsSlice(), e.Destination.AsSlice()
	if e.Source.Is6() {
		b = binary.BigEndian.AppendUint16(b, unix.ETH_P_IPV6)
		b = append(b, 0x6c, 0, 0, 0) // internetworkControl as traffic class
		b = binary.BigEndian.AppendUint16(b, uint16(len(payload)))
		b = append(append(append(b, vrrp.Protocol, byte(e.TTL)), source...), destination...)
		return append(b, payload...)
	}
	const size = 20
	header := []byte{0x45, internetworkControl, 0, byte(size + len(payload)), 0, 0, 0, 0, byte(e.TTL), vrrp.Protocol, 0, 0}
	header = append(append(header, source...), destination...)
	var sum uint32
	for i := 0; i < size; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(header[i:]))
	}
	sum = sum&0xffff + sum>>16
	binary.BigEndian.PutUint16(header[10:], ^uint16(sum&0xffff+sum>>16))
	return append(append(binary.BigEndian.AppendUint16(b, unix.ETH_P_IP), header...), payload...)
}

// What TestEachDiscardIsCountedByItsReason hands to the thread comes here through the kernel, the socket and its filter: RFC 9568
// section 7.1, RFC 3768 section 7.1. The Active stays so, and its Backup goes on following it. The same packet with nothing wrong would
// have made both follow the stranger.
func TestBadPacketsOnTheLinkChangeNothingAndAreCounted(t *testing.T) {
	for _, c := range wrongPackets(t) {
		t.Run(c.name, func(t *testing.T) {
			m, s := newLab(t)
			from := m.newStranger()
			master := m.start(c.config, func(o *Options) { o.Resume = true })
			master.await(vrrp.Active)
			losing := c.config
			losing.Priority = 99
			brucelee := s.start(losing)
			brucelee.await(vrrp.Backup)
			ours := m.source(c.active)
			eventually(t, "brucelee hears master", func() bool { return brucelee.Stats().ActiveSource == ours })
			var want [vrrp.DiscardLimit]uint64
			for _, w := range c.wrong {
				e, packet := c.packet(t, w, ours)
				var to []byte
				switch {
				case w.reason == vrrp.ErrOwnSource && ours.Is4():
					from.send(e, packet) // Linux drops it: from an address of its own nothing comes over a link
					continue
				case w.reason == vrrp.ErrPeer:
					to = m.link("eth0").Attrs().HardwareAddr
				}
				want[w.reason]++
				from.send(e, packet, to...)
				eventually(t, "the discard is counted: "+w.reason.String(), func() bool { return master.Stats().Discarded == want })
			}

			other := c
			other.config.VRID = 67
			e, packet := other.packet(t, wrong{}, ours)
			from.send(e, packet)
			eventually(t, "the other id is remembered", func() bool {
				strangers := m.threads.Strangers("eth0")
				return len(strangers) == 1 && strangers[0].VRID == 67 && strangers[0].Source == c.active
			})
			e, packet = c.packet(t, wrong{}, ours)
			if c.active.Is4() {
				// To everybody, and to another group: the filter lets neither pass.
				for _, elsewhere := range []string{"255.255.255.255", "224.0.0.19"} {
					e.Destination = netip.MustParseAddr(elsewhere)
					from.send(e, packet, []byte(strings.Repeat("\xff", 6))...)
				}
			}
			master.steady(unit)
			brucelee.steady(0)
			stats := master.Stats()
			if stats.Discarded != want || stats.Received != 0 || stats.Rivals != 0 || brucelee.Stats().ActiveSource != ours {
				t.Errorf("master %+v, want discarded %v; brucelee follows %s", stats, want, brucelee.Stats().ActiveSource)
			}

			from.send(c.packet(t, wrong{}, ours))
			master.await(vrrp.Backup)
			eventually(t, "both follow the stranger", func() bool {
				from.send(c.packet(t, wrong{}, ours)) // as an Active answers master's last words
				return master.Stats().ActiveSource == c.active && brucelee.Stats().ActiveSource == c.active
			})
		})
	}
}
