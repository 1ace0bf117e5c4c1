// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package vrrpnet

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// wire hears what the directors send, at the ports of their switch.
type wire struct {
	t     *testing.T
	mu    sync.Mutex
	heard []heard
	// frames are all that came in, and claims those in which somebody says where an address is.
	frames []frame
	claims []claim
}

type heard struct {
	at       time.Time
	source   netip.Addr
	vrid     uint8
	priority uint8
	hardware hardwareAddress
}

// frame is one that came in by a port of the switch, by its index.
type frame struct {
	at       time.Time
	port     int
	hardware hardwareAddress
}

// claim says that an address is at a hardware address, in a frame from one.
type claim struct {
	address  netip.Addr
	at, from hardwareAddress
}

// listen hears the link of the host from now until the test ends.
func (h *host) listen() *wire {
	h.t.Helper()
	w := &wire{t: h.t}
	h.switched.tap("", unix.SOCK_DGRAM, w.note)
	return w
}

// tap hands over what comes into an interface of the host, or into any, until the test ends. Packets are whole (SOCK_RAW) or without their
// Ethernet header (SOCK_DGRAM). What is sent with the socket goes out by the interface.
func (h *host) tap(name string, kind int, take func(packet []byte, link *unix.SockaddrLinklayer)) (fd int) {
	h.t.Helper()
	const untilBound = 0
	from := &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL)}
	if name != "" {
		from.Ifindex = h.link(name).Attrs().Index
	}
	h.do(func() (err error) {
		fd, err = unix.Socket(unix.AF_PACKET, kind|unix.SOCK_CLOEXEC, untilBound)
		return err
	})
	timeout := unix.NsecToTimeval(int64(100 * time.Millisecond))
	if err := errors.Join(unix.Bind(fd, from), unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout)); err != nil {
		h.t.Fatalf("listen on %s %s: %v", h.ns, name, err)
	}
	over, ended := make(chan struct{}), make(chan struct{})
	h.t.Cleanup(func() {
		close(over)
		<-ended
		_ = unix.Close(fd)
	})
	go func() {
		defer close(ended)
		packet := make([]byte, 2048)
		for {
			n, from, err := unix.Recvfrom(fd, packet, 0)
			select {
			case <-over:
				return
			default:
			}
			if link, known := from.(*unix.SockaddrLinklayer); err == nil && known && link.Pkttype != unix.PACKET_OUTGOING {
				take(packet[:n], link)
			}
		}
	}()
	return fd
}

// note takes an advertisement. The bridge itself hears multicast once more than its ports do: the same packet twice changes no turn.
func (w *wire) note(packet []byte, link *unix.SockaddrLinklayer) {
	from := hardwareAddress(link.Addr[:6])
	w.mu.Lock()
	defer w.mu.Unlock()
	w.frames = append(w.frames, frame{time.Now(), link.Ifindex, from})
	if address, at := claimed(packet, link.Protocol); address.IsValid() {
		w.claims = append(w.claims, claim{address, at, from})
	}
	if one, ok := advertised(packet); ok {
		one.hardware = from
		w.heard = append(w.heard, one)
	}
}

// advertised is what an IP packet says as an advertisement; false: it is none.
func advertised(packet []byte) (heard, bool) {
	var source netip.Addr
	var payload []byte
	switch {
	case len(packet) > 24 && packet[0]>>4 == 4 && packet[9] == vrrp.Protocol:
		source, payload = netip.AddrFrom4([4]byte(packet[12:16])), packet[int(packet[0]&0xf)*4:]
	case len(packet) > 44 && packet[0]>>4 == 6 && packet[6] == vrrp.Protocol:
		source, payload = netip.AddrFrom16([16]byte(packet[8:24])), packet[40:]
	default:
		return heard{}, false
	}
	return heard{at: time.Now(), source: source, vrid: payload[1], priority: payload[2]}, true
}

// crossing is the hand-over itself: how long after the first word of the next one the one before may still speak, because it has
// not come to reading it. Emulated processors take that long.
const crossing = 50 * time.Millisecond

// tookTurns fails unless these were Active one after the other, each without a word of another in between.
func (w *wire) tookTurns(want ...netip.Addr) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	var all turns[netip.Addr]
	for _, one := range w.heard {
		if one.priority != vrrp.PriorityResign {
			all.take(one.source, one.at)
		}
	}
	got := all.list
	if !slices.Equal(got, want) {
		w.t.Errorf("Active were %s, want %s", got, want)
		for i, one := range w.heard {
			if i > 0 && one.source != w.heard[i-1].source {
				w.t.Logf("%s priority %d, then at %s %s priority %d", w.heard[i-1].source, w.heard[i-1].priority, one.at.Format("05.000"), one.source, one.priority)
			}
		}
	}
}

// lastOf is when a source was heard last.
func (w *wire) lastOf(source netip.Addr) (at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range w.heard {
		if one.source == source {
			at = one.at
		}
	}
	return at
}

// await returns as soon as the source speaks once more.
func (w *wire) await(source netip.Addr) {
	w.t.Helper()
	before := w.lastOf(source)
	eventually(w.t, source.String()+" speaks once more", func() bool { return w.lastOf(source).After(before) })
}

// turns are who spoke one after the other.
type turns[T comparable] struct {
	list  []T
	since time.Time
}

// take notes who spoke. What crossed the first word of the next is no turn.
func (t *turns[T]) take(who T, at time.Time) {
	last, before := len(t.list)-1, len(t.list)-2
	switch {
	case last >= 0 && who == t.list[last]:
	case before >= 0 && who == t.list[before] && at.Sub(t.since) < crossing:
	default:
		t.list, t.since = append(t.list, who), at
	}
}

// claimed is the address that a packet says to be somewhere, and where: ARP of any kind (RFC 826), or a neighbour advertisement or
// solicitation with its option (RFC 4861 sections 4.3 and 4.4).
func claimed(packet []byte, protocol uint16) (address netip.Addr, at hardwareAddress) {
	switch {
	case protocol == networkOrder(unix.ETH_P_ARP) && len(packet) >= arpSize:
		return netip.AddrFrom4([4]byte(packet[14:18])), hardwareAddress(packet[8:14])
	case protocol != networkOrder(unix.ETH_P_IPV6) || len(packet) < naSize || packet[6] != unix.IPPROTO_ICMPV6:
		return netip.Addr{}, hardwareAddress{}
	case packet[ipv6Header] == 136: // of its target
		return netip.AddrFrom16([16]byte(packet[ipv6Header+8 : ipv6Header+24])), hardwareAddress(packet[ipv6Header+26 : ipv6Header+32])
	case packet[ipv6Header] == 135: // of who asks
		return netip.AddrFrom16([16]byte(packet[8:24])), hardwareAddress(packet[ipv6Header+26 : ipv6Header+32])
	default:
		return netip.Addr{}, hardwareAddress{}
	}
}

// cameFrom fails unless frames from a hardware address came from these hosts, one after the other, each without one of another in
// between: what a switch learns.
func (w *wire) cameFrom(hardware vrrp.MAC, want ...*host) {
	w.t.Helper()
	names := map[int]string{}
	for _, h := range want {
		var index int
		if _, err := fmt.Sscanf(h.switched.ip("-o link show dev "+h.port), "%d:", &index); err != nil {
			w.t.Fatal(err)
		}
		names[index] = h.ns
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var all turns[string]
	for _, one := range w.frames {
		if name, ofHost := names[one.port]; ofHost && one.hardware == hardwareAddress(hardware) {
			all.take(name, one.at)
		}
	}
	expected := make([]string, 0, len(want))
	for _, h := range want {
		expected = append(expected, h.ns)
	}
	if !slices.Equal(all.list, expected) {
		w.t.Errorf("frames from %s came from %v, want %v", hardware, all.list, expected)
	}
}

// sentFrom fails unless every advertisement was in a frame from the hardware address.
func (w *wire) sentFrom(hardware vrrp.MAC) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.heard) == 0 {
		w.t.Error("no advertisement was heard")
	}
	for _, one := range w.heard {
		if one.hardware != hardwareAddress(hardware) {
			w.t.Errorf("%s advertised with priority %d from %s, want %s", one.source, one.priority, vrrp.MAC(one.hardware), hardware)
			return
		}
	}
}

// onlyAt fails if anybody said that the address is elsewhere, or said it from elsewhere.
func (w *wire) onlyAt(hardware vrrp.MAC, address netip.Addr) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := false
	for _, one := range w.claims {
		if one.address != address {
			continue
		}
		seen = true
		if one.at != hardwareAddress(hardware) || one.from != hardwareAddress(hardware) {
			w.t.Errorf("%s is at %s, said a frame from %s, want %s", address, vrrp.MAC(one.at), vrrp.MAC(one.from), hardware)
		}
	}
	if !seen {
		w.t.Errorf("nobody said where %s is", address)
	}
}
