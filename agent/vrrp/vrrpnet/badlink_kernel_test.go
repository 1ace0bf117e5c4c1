// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package vrrpnet

import (
	"bytes"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// badLink is what a bad link does to advertisements. Chances are from 0 to 1. Of each direction and router id the n-th advertisement
// always meets the same fate, so that a test which fails can be run again; netem(8) of older kernels has no seed.
type badLink struct {
	seed                   uint64
	lost, doubled, swapped float64
	// Each takes delay, more or less by up to jitter.
	delay, jitter time.Duration
}

// way is the bad link in one direction.
type way struct {
	badLink
	t    *testing.T
	out  int
	to   net.HardwareAddr
	fate [256]*rand.Rand // by router id

	mu      sync.Mutex
	held    [256][]byte // an advertisement that the next one overtakes
	arrived []heard
	// did counts what was done to advertisements.
	did  struct{ took, lost, doubled, swapped int }
	over bool
}

// between puts the bad link between two directors instead of their switch. Everybody else hears both as before.
func (b badLink) between(m, s *host) (toBrucelee, toMaster *way) {
	m.t.Helper()
	part(m, s)
	open := func(number uint64, from, to *host) *way {
		w := &way{badLink: b, t: m.t, to: to.link("eth0").Attrs().HardwareAddr}
		for id := range w.fate {
			w.fate[id] = rand.New(rand.NewPCG(b.seed, number<<8|uint64(id)))
		}
		w.out = to.switched.tap(to.port, unix.SOCK_RAW, func([]byte, *unix.SockaddrLinklayer) {})
		m.t.Cleanup(w.end)
		from.switched.tap(from.port, unix.SOCK_RAW, w.take)
		return w
	}
	return open(0, m, s), open(1, s, m)
}

// take takes a frame. What is no advertisement goes on at once.
func (w *way) take(frame []byte, _ *unix.SockaddrLinklayer) {
	if len(frame) < ethernetHeader || frame[0]&1 == 0 && !bytes.Equal(frame[:6], w.to) {
		return // another host's
	}
	frame = slices.Clone(frame)
	says, ok := advertised(frame[ethernetHeader:])
	if !ok {
		w.give(frame)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	fate := w.fate[says.vrid]
	lost, doubled, swapped := fate.Float64() < w.lost, fate.Float64() < w.doubled, fate.Float64() < w.swapped
	late := w.delay + time.Duration((2*fate.Float64()-1)*float64(w.jitter))
	w.did.took++
	if lost {
		w.did.lost++
		return
	}
	before := w.held[says.vrid]
	w.held[says.vrid] = nil
	if swapped && before == nil {
		w.did.swapped++
		w.held[says.vrid] = frame
		return
	}
	w.giveLater(late, frame)
	if doubled {
		w.did.doubled++
		w.giveLater(late, frame)
	}
	if before != nil {
		w.giveLater(late, before)
	}
}

func (w *way) giveLater(late time.Duration, frame []byte) {
	if late <= 0 {
		w.send(frame)
		return
	}
	time.AfterFunc(late, func() { w.give(frame) })
}

func (w *way) give(frame []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.send(frame)
}

// send has the frame arrive, and notes it. The lock is held.
func (w *way) send(frame []byte) {
	if w.over {
		return
	}
	if says, ok := advertised(frame[ethernetHeader:]); ok {
		w.arrived = append(w.arrived, says)
	}
	if _, err := unix.Write(w.out, frame); err != nil {
		w.t.Errorf("carry a frame to %s: %v", w.to, err)
	}
}

func (w *way) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
}

// arrivals are the advertisements of a virtual router that arrived.
func (w *way) arrivals(vrid uint8) []heard {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.arrived), func(one heard) bool { return one.vrid != vrid })
}
