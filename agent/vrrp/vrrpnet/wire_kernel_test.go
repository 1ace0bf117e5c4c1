// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package vrrpnet

import (
	"errors"
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
}

type heard struct {
	at       time.Time
	source   netip.Addr
	vrid     uint8
	priority uint8
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
func (h *host) tap(name string, kind int, take func(packet []byte)) (fd int) {
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
				take(packet[:n])
			}
		}
	}()
	return fd
}

// note takes an advertisement. The bridge itself hears multicast once more than its ports do: the same packet twice changes no turn.
func (w *wire) note(packet []byte) {
	one, ok := advertised(packet)
	if !ok {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heard = append(w.heard, one)
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
	return heard{time.Now(), source, payload[1], payload[2]}, true
}

// crossing is the hand-over itself: how long after the first word of the next one the one before may still speak, because it has
// not come to reading it. Emulated processors take that long.
const crossing = 50 * time.Millisecond

// tookTurns fails unless these were Active one after the other, each without a word of another in between.
func (w *wire) tookTurns(want ...netip.Addr) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	var got []netip.Addr
	var since time.Time
	for _, one := range w.heard {
		last, before := len(got)-1, len(got)-2
		switch {
		case one.priority == vrrp.PriorityResign, last >= 0 && one.source == got[last]:
		case before >= 0 && one.source == got[before] && one.at.Sub(since) < crossing:
		default:
			got, since = append(got, one.source), one.at
		}
	}
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
