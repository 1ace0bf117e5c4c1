// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package vrrpnet

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	echoPort = 7
	// askEvery is how often a client asks.
	askEvery = 20 * time.Millisecond
	// answerTime is how long an answer may take on a busy or emulated machine; without loss it takes a millisecond or two.
	answerTime = time.Second
)

// newClient plugs another host into the switch of the director.
func (h *host) newClient() *host {
	h.t.Helper()
	client := &host{t: h.t, ns: strings.TrimSuffix(h.ns, "m") + "c", addr: "192.0.2.9"}
	client.create()
	client.plugInto(h.switched, "port9")
	return client
}

// asking is a client that asks a virtual address all the time.
type asking struct {
	t      *testing.T
	socket net.Conn
	over   chan struct{}
	ended  sync.WaitGroup

	mu       sync.Mutex
	asked    []time.Time
	answered []bool
}

// ask asks from now until the end of the test, or of asking.
func (h *host) ask(address netip.Addr) *asking {
	h.t.Helper()
	a := &asking{t: h.t, over: make(chan struct{})}
	h.do(func() (err error) {
		a.socket, err = net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(address, echoPort)))
		return err
	})
	a.ended.Go(a.hear)
	a.ended.Go(a.speak)
	h.t.Cleanup(a.end)
	return a
}

// speak asks with the number of the question.
func (a *asking) speak() {
	again := time.NewTicker(askEvery)
	defer again.Stop()
	for {
		a.mu.Lock()
		number := len(a.asked)
		a.asked, a.answered = append(a.asked, time.Now()), append(a.answered, false)
		a.mu.Unlock()
		_, _ = a.socket.Write(binary.BigEndian.AppendUint32(nil, uint32(number))) // what is not sent is not answered
		select {
		case <-again.C:
		case <-a.over:
			return
		}
	}
}

func (a *asking) hear() {
	answer := make([]byte, 64)
	for {
		n, err := a.socket.Read(answer)
		select {
		case <-a.over:
			return
		default:
		}
		if err != nil || n < 4 {
			continue // a refusal (ICMP) is a question without an answer
		}
		number := binary.BigEndian.Uint32(answer)
		a.mu.Lock()
		if int(number) < len(a.asked) && time.Since(a.asked[number]) < answerTime {
			a.answered[number] = true
		}
		a.mu.Unlock()
	}
}

func (a *asking) end() {
	select {
	case <-a.over:
		return
	default:
	}
	close(a.over)
	_ = a.socket.SetReadDeadline(time.Now())
	a.ended.Wait()
	_ = a.socket.Close()
}

// lost are the times of the questions that got no answer in time, of all but the last second.
func (a *asking) lost() (lost []time.Time, of int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, at := range a.asked {
		if time.Since(at) < answerTime {
			break
		}
		of++
		if !a.answered[i] {
			lost = append(lost, at)
		}
	}
	return lost, of
}

// lostNothing ends the asking.
func (a *asking) lostNothing() {
	a.t.Helper()
	<-time.After(answerTime) // for the last answers
	a.end()
	lost, of := a.lost()
	a.t.Logf("the client asked %d times", of)
	if len(lost) > 0 {
		a.t.Errorf("%d of %d questions were not answered, from %s on, to %s", len(lost), of, lost[0].Format(clock), slices.MaxFunc(lost, time.Time.Compare).Format(clock))
	}
}

// clock is how a log says when something was.
const clock = "05.000"

// reaches says whether the host has learnt that the address is at the director.
func (h *host) reaches(address netip.Addr, director *host) func() bool {
	h.t.Helper()
	family := unix.AF_INET
	if address.Is6() {
		family = unix.AF_INET6
	}
	links, index := h.links(), h.link("eth0").Attrs().Index
	its := director.link("eth0").Attrs().HardwareAddr
	return func() bool {
		neighbours, err := links.NeighList(index, family)
		return err == nil && slices.ContainsFunc(neighbours, func(n netlink.Neigh) bool {
			return n.IP.Equal(address.AsSlice()) && bytes.Equal(n.HardwareAddr, its)
		})
	}
}
