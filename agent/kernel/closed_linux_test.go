// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package kernel_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/agent/plan"
	"github.com/lvs-operator/lvs-operator/test/network"
)

// closed reads what is closed.
func (n node) closed() plan.Actual {
	n.t.Helper()
	actual, err := n.k.Read(n.t.Context(), kernel.Query{Closed: true})
	if err = errors.Join(err, actual.ClosedErr); err != nil {
		n.t.Fatal(err)
	}
	return actual
}

// closes wants that the addresses are closed, and nothing else is done by our table.
func (n node) closes(want []netip.Addr) {
	n.t.Helper()
	if actual := n.closed(); actual.ClosedTampered || !slices.Equal(actual.Closed, want) {
		n.t.Errorf("closed %v, changed by somebody %t; want %v", actual.Closed, actual.ClosedTampered, want)
	}
}

func TestClosedAddressesAreReadAsTheyWereWritten(t *testing.T) {
	n := newNode(t)
	n.closes(nil)
	n.do(&plan.SetClosed{})
	n.closes(nil)
	rules := someMarks()
	n.do(&plan.SetMarks{Rules: rules})
	for _, want := range [][]netip.Addr{
		addresses("192.0.2.10", "192.0.2.11", "2001:db8::10"), addresses("192.0.2.10"), addresses("2001:db8::10", "2001:db8::11"),
	} {
		n.do(&plan.SetClosed{Addresses: want})
		n.closes(want)
	}
	table := n.run("nft list table inet " + kernel.AcceptTable)
	for _, part := range []string{
		"type filter hook input priority 110; policy accept;",
		"ip daddr @closed-ipv4 counter packets 0 bytes 0 drop", "ip6 daddr @closed-ipv6 counter packets 0 bytes 0 drop",
		"elements = { 2001:db8::10,\n\t\t\t     2001:db8::11 }",
	} {
		if !strings.Contains(table, part) {
			t.Errorf("no %q in\n%s", part, table)
		}
	}
	n.listsMarks(rules)
	n.do(&plan.SetMarks{}, &plan.SetClosed{}, &plan.SetClosed{})
	n.closes(nil)
	if left := n.run("nft list tables"); strings.TrimSpace(left) != "" {
		t.Errorf("left: %s", left)
	}
	if failures := n.k.Apply(t.Context(), []plan.Operation{&plan.SetClosed{Addresses: []netip.Addr{{}}}}); len(failures) != 1 {
		t.Errorf("what is no address is closed")
	}
}

func TestThousandsOfAddressesAreClosedAtOnce(t *testing.T) {
	n := newNode(t)
	var want []netip.Addr
	for i := range uint32(4096) {
		want = append(want, netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, 10<<24+i))))
	}
	n.do(&plan.SetClosed{Addresses: want})
	n.closes(want)
}

func TestWhatSomebodyChangesInOurTableOfClosedAddressesIsNoticedAndRepaired(t *testing.T) {
	n := newNode(t)
	want := addresses("192.0.2.10", "2001:db8::10")
	n.do(&plan.SetClosed{Addresses: want})
	ours := "inet " + kernel.AcceptTable
	for _, command := range []string{
		"nft insert rule " + ours + " input tcp dport 22 accept",
		"nft add rule " + ours + " input counter",
		"nft flush chain " + ours + " input",
		"nft add chain " + ours + " more",
		"nft add chain " + ours + " input { policy drop; }",
		"nft add table " + ours + " { flags dormant; }",
		"nft add element " + ours + " closed-ipv4 { 192.0.2.99 }",
		"nft delete element " + ours + " closed-ipv6 { 2001:db8::10 }",
		"nft flush set " + ours + " closed-ipv4 ; flush set " + ours + " closed-ipv6",
		"nft delete table " + ours,
		"nft flush ruleset",
	} {
		if output, err := exec.Command("nft", strings.TrimPrefix(command, "nft ")).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", command, err, output)
		}
		if actual := n.closed(); !actual.ClosedTampered && slices.Equal(actual.Closed, want) {
			t.Errorf("%s: not noticed", command)
		}
		n.do(&plan.SetClosed{Addresses: want})
		n.closes(want)
	}
}

// acceptance is a client that asks a host which has an address of its own and a virtual IP, in one family.
type acceptance struct {
	t            *testing.T
	client, host *network.Host
	n            node
	ip           string
	own, vip     netip.Addr
	// protocol is how package net calls ICMP, of which echo is the type of a request and answered that of an answer.
	protocol       string
	echo, answered byte
}

const port = 8080

func newAcceptance(t *testing.T, a *acceptance) *acceptance {
	t.Helper()
	a.t = t
	net, err := network.New("accept")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = net.Close() })
	bits, single := 24, 32
	if a.vip.Is6() {
		bits, single = 64, 128
	}
	if a.client, err = net.AddHost("client", netip.PrefixFrom(a.own.Next(), bits).String()); err != nil {
		t.Fatal(err)
	}
	if a.host, err = net.AddHost("director", netip.PrefixFrom(a.own, bits).String()); err != nil {
		t.Fatal(err)
	}
	command := fmt.Sprintf("%s address add %s/%d dev eth0", a.ip, a.vip, single)
	if a.vip.Is6() {
		command += " nodad"
	}
	a.on(a.host, command)
	if err := a.host.Do(func() error {
		k, err := kernel.Open(kernel.ProcSys)
		if err != nil {
			return err
		}
		t.Cleanup(k.Close)
		a.n = node{t, k}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	a.listen()
	return a
}

func (a *acceptance) on(host *network.Host, command string) string {
	a.t.Helper()
	output, err := host.Command(context.Background(), strings.Fields(command)...).CombinedOutput()
	if err != nil {
		a.t.Fatalf("%s: %s: %v: %s", host.Name(), command, err, output)
	}
	return string(output)
}

// listen is a daemon of the host that listens on every address.
func (a *acceptance) listen() {
	a.t.Helper()
	if err := a.host.Do(func() error {
		listener, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err == nil {
			a.t.Cleanup(func() { _ = listener.Close() })
		}
		return err
	}); err != nil {
		a.t.Fatal(err)
	}
}

// connects is how a connection to a port of an address comes out, within a time in which one SYN is sent.
func (a *acceptance) connects(to netip.Addr, port uint16) error {
	return a.client.Do(func() error {
		conn, err := net.DialTimeout("tcp", netip.AddrPortFrom(to, port).String(), 800*time.Millisecond)
		if err == nil {
			err = conn.Close()
		}
		return err
	})
}

// pings says whether an address answers an echo request (RFC 792, RFC 4443 section 4.1).
func (a *acceptance) pings(to netip.Addr) bool {
	a.t.Helper()
	answered := false
	if err := a.client.Do(func() error {
		conn, err := net.Dial(a.protocol, to.String())
		if err != nil {
			return err
		}
		defer conn.Close()
		request := []byte{a.echo, 0, 0, 0, 0x4c, 0x56, 0, 1}
		if a.vip.Is4() { // for IPv6 the kernel fills the checksum in
			sum := uint32(0)
			for i := 0; i < len(request); i += 2 {
				sum += uint32(binary.BigEndian.Uint16(request[i:]))
			}
			binary.BigEndian.PutUint16(request[2:], ^uint16(sum+sum>>16))
		}
		if _, err := conn.Write(request); err != nil {
			return err
		}
		if err := conn.SetReadDeadline(time.Now().Add(800 * time.Millisecond)); err != nil {
			return err
		}
		for answer := make([]byte, 100); ; {
			n, _, err := conn.(*net.IPConn).ReadFrom(answer) // without the header of IPv4
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return nil
			}
			if err != nil {
				return err
			}
			if n > 0 && answer[0] == a.answered {
				answered = true
				return nil
			}
		}
	}); err != nil {
		a.t.Fatal(err)
	}
	return answered
}

// isOpen wants that an address answers as a host's does.
func (a *acceptance) isOpen(address netip.Addr) {
	a.t.Helper()
	if !a.pings(address) {
		a.t.Errorf("%s answers no echo request", address)
	}
	if err := a.connects(address, port); err != nil {
		a.t.Errorf("the daemon on %s: %v", address, err)
	}
	if err := a.connects(address, port+1); !errors.Is(err, syscall.ECONNREFUSED) {
		a.t.Errorf("a port of %s on which nobody listens: %v, want that it is refused", address, err)
	}
}

// isSilent wants no answer at all.
func (a *acceptance) isSilent(address netip.Addr) {
	a.t.Helper()
	if a.pings(address) {
		a.t.Errorf("%s answers an echo request", address)
	}
	for _, port := range []uint16{port, port + 1} {
		var network net.Error
		if err := a.connects(address, port); !errors.As(err, &network) || !network.Timeout() {
			a.t.Errorf("port %d of %s: %v, want no answer", port, address, err)
		}
	}
}

// isFound wants that the client learns where the virtual IP is, and finds it again when it asks there directly.
func (a *acceptance) isFound() {
	a.t.Helper()
	a.on(a.client, a.ip+" neighbor flush dev eth0")
	_ = a.connects(a.vip, port)
	if entry := a.on(a.client, fmt.Sprintf("%s neighbor show %s dev eth0", a.ip, a.vip)); !strings.Contains(entry, "lladdr") {
		a.t.Errorf("the client does not find %s: %q", a.vip, entry)
	}
	a.on(a.client, fmt.Sprintf("%s neighbor change %s dev eth0 nud probe", a.ip, a.vip))
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		entry := a.on(a.client, fmt.Sprintf("%s neighbor show %s dev eth0", a.ip, a.vip))
		if strings.Contains(entry, "REACHABLE") {
			return
		}
		if time.Since(begin) > 10*time.Second {
			a.t.Errorf("asked directly, %s is not found: %q", a.vip, entry)
			return
		}
	}
}

func TestAClosedAddressAnswersNothingButWhereItIs(t *testing.T) {
	for name, a := range map[string]*acceptance{
		"IPv4": {ip: "ip", own: netip.MustParseAddr("192.0.2.2"), vip: netip.MustParseAddr("192.0.2.10"), protocol: "ip4:icmp", echo: 8},
		"IPv6": {ip: "ip -6", own: netip.MustParseAddr("2001:db8::2"), vip: netip.MustParseAddr("2001:db8::10"), protocol: "ip6:ipv6-icmp", echo: 128, answered: 129},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAcceptance(t, a)
			a.isOpen(a.vip)
			a.n.do(&plan.SetClosed{Addresses: []netip.Addr{a.vip}})
			a.isSilent(a.vip)
			a.isFound()
			a.isOpen(a.own)
			if table := a.on(a.host, "nft list table inet "+kernel.AcceptTable); strings.Count(table, "packets 0 ") != 1 {
				t.Errorf("what was dropped is not counted:\n%s", table)
			}
			a.n.closes([]netip.Addr{a.vip})
			a.n.do(&plan.SetClosed{})
			a.isOpen(a.vip)
		})
	}
}

func TestServiceOfAClosedAddressGoesOn(t *testing.T) {
	inBothFamilies(t, func(h *handOver) {
		h.goesTo(h.second)
		h.listen(h.second, 82)
		known := h.connect(h.vip())
		own := netip.AddrPortFrom(h.vip().Addr(), 82)
		_ = h.connect(own)
		node{h.t, h.k}.do(&plan.SetClosed{Addresses: []netip.Addr{own.Addr()}})
		for _, s := range []session{known, h.connect(h.vip())} {
			h.arrives(s.client, s.server)
			h.arrives(s.server, s.client)
		}
		if table := h.on(h.second, "nft list table inet "+kernel.AcceptTable); strings.Count(table, "packets 0 ") != 2 {
			h.t.Errorf("packets of the service were dropped:\n%s", table)
		}
		err := h.client.Do(func() error {
			conn, err := net.DialTimeout("tcp", own.String(), time.Second)
			if err == nil {
				err = conn.Close()
			}
			return err
		})
		var network net.Error
		if !errors.As(err, &network) || !network.Timeout() {
			h.t.Errorf("the daemon on the closed address: %v, want no answer", err)
		}
	})
}
