// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package kernel_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/kernel"
)

// relay sends what belongs to the service and is not known at the second director on to the first.
func (h *handOver) relay() {
	h.t.Helper()
	if err := h.second.Do(func() error {
		return h.k.Hold(kernel.Held{
			Virtual: []netip.Addr{h.vip().Addr()}, Servers: []netip.AddrPort{h.real(80)},
			To: h.first.Address(), Interface: "eth0", Period: kernel.MaxHold,
		})
	}); err != nil {
		h.t.Fatal(err)
	}
}

// While packets are relayed a connection that one director began goes on though every packet of it comes to the other, and for as long
// as they are only dropped it would not.
func TestConnectionOfTheOtherDirectorGoesOnWhileItsPacketsAreRelayed(t *testing.T) {
	inBothFamilies(t, func(h *handOver) {
		s := h.connect(h.vip())
		h.relay()
		h.requestsGoTo(h.second)
		h.arrives(s.client, s.server)
		h.arrives(s.server, s.client)
		h.answersGoTo(h.second)
		h.arrives(s.server, s.client)
		h.arrives(s.client, s.server)
		if err := s.client.Close(); err != nil {
			h.t.Fatal(err)
		}
		if err := receive(s.server, patience); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			h.t.Errorf("the end of the connection did not arrive: %v", err)
		}
		// What begins now is the second director's own.
		_ = h.connect(h.vip())
		if known := h.on(h.second, "ipvsadm -Lcn"); !strings.Contains(known, "ESTABLISHED") {
			h.t.Errorf("the new connection is not the second director's:\n%s", known)
		}
	})
}

// A connection whose first packet went by one director is completed though its second comes to the other.
func TestConnectionThatIsHalfOpenIsCompletedWhilePacketsAreRelayed(t *testing.T) {
	inBothFamilies(t, func(h *handOver) {
		h.relay()
		for range 20 {
			opened := make(chan error, 1)
			go func() {
				opened <- h.client.Do(func() error {
					conn, err := net.DialTimeout("tcp", h.vip().String(), patience)
					if err == nil {
						h.t.Cleanup(func() { _ = conn.Close() })
					}
					return err
				})
			}()
			h.goesTo(h.second)
			if err := <-opened; err != nil {
				h.t.Fatal(err)
			}
			select {
			case conn := <-h.accepted:
				_ = conn.Close()
			case <-time.After(patience):
				h.t.Fatal("the real server never accepted the connection")
			}
			h.goesTo(h.first)
		}
	})
}

func TestTablesOfWhatIsRelayedAreReadableAndGo(t *testing.T) {
	inBothFamilies(t, func(h *handOver) {
		h.relay()
		family := "ip"
		if h.vip().Addr().Is6() {
			family = "ip6"
		}
		table := h.on(h.second, "nft list table "+family+" "+kernel.RelayTableOf("eth0"))
		for _, line := range []string{
			h.vip().Addr().String() + " timeout 10s expires", " : " + h.first.Address().String(),
			"dup to " + family + " daddr map @virtual-", "dup to " + family + " saddr . tcp sport map @real-", ` device "eth0"`,
		} {
			if !strings.Contains(table, line) {
				t.Errorf("no %q in\n%s", line, table)
			}
		}
		if err := h.k.Unhold(); err != nil {
			t.Fatal(err)
		}
		if left := h.on(h.second, "nft list tables"); strings.Contains(left, "lvs-operator") {
			t.Errorf("left:\n%s", left)
		}
	})
}
