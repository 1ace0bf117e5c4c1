// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package kernel_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/test/network"
)

// handOver is a client whose connections, with masquerading, go over one of two directors. Each director has the virtual IP and the
// service, and knows only the connections that it has seen; which one packets reach is the client's and the real server's to say.
//
//	client .1                         real server .3
//	      |  net of clients, VIP .10  | net of real servers
//	   ---+-------+-----------+-------+---
//	      first .4    second .5
type handOver struct {
	t                                 *testing.T
	client, first, second, realServer *network.Host
	// ip is the command of the family, and address what an address of each of the networks is made of.
	ip              string
	clients, behind string
	bits, single    int
	// k is the second director's kernel.
	k        *kernel.Kernel
	accepted chan net.Conn
}

// session is a connection of the client to the virtual IP, at both of its ends.
type session struct{ client, server net.Conn }

// inBothFamilies runs a test with IPv4 and with IPv6.
func inBothFamilies(t *testing.T, test func(*handOver)) {
	t.Run("IPv4", func(t *testing.T) {
		test(newHandOver(t, &handOver{ip: "ip", clients: "198.51.100.%d", behind: "192.0.2.%d", bits: 24, single: 32}))
	})
	t.Run("IPv6", func(t *testing.T) {
		test(newHandOver(t, &handOver{ip: "ip -6", clients: "2001:db8:1::%d", behind: "2001:db8:2::%d", bits: 64, single: 128}))
	})
}

func newHandOver(t *testing.T, h *handOver) *handOver {
	t.Helper()
	h.t, h.accepted = t, make(chan net.Conn, 1)
	net, err := network.New("holds")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = net.Close() })
	for number, host := range map[int]**network.Host{1: &h.client, 3: &h.realServer, 4: &h.first, 5: &h.second} {
		name := map[int]string{1: "client", 3: "server", 4: "first", 5: "second"}[number]
		on := h.behind
		if number == 1 {
			on = h.clients
		}
		if *host, err = net.AddHost(name, fmt.Sprintf(on+"/%d", number, h.bits)); err != nil {
			t.Fatal(err)
		}
		h.sysctls(*host, "ipv4/conf/all/accept_redirects=0", "ipv4/conf/eth0/accept_redirects=0", "ipv6/conf/eth0/accept_redirects=0")
	}
	vip := h.vip()
	for number, director := range map[int]*network.Host{4: h.first, 5: h.second} {
		h.sysctls(director, "ipv4/ip_forward=1", "ipv6/conf/all/forwarding=1", "ipv4/conf/all/send_redirects=0", "ipv4/conf/eth0/send_redirects=0")
		h.on(director, fmt.Sprintf("%s address add "+h.clients+"/%d dev eth0", h.ip, number, h.bits))
		h.on(director, fmt.Sprintf("%s address add %s/%d dev eth0", h.ip, vip.Addr(), h.single))
		h.on(director, "ipvsadm -A -t "+vip.String()+" -s rr")
		h.on(director, fmt.Sprintf("ipvsadm -a -t %s -r %s -m", vip, h.real(80)))
		t.Cleanup(func() { h.on(director, "ipvsadm -C") })
	}
	// What the client answers to the real server's own address goes over the second director.
	h.on(h.client, fmt.Sprintf("%s route add "+h.behind+"/%d via "+h.clients, h.ip, 0, h.bits, 5))
	h.requestsGoTo(h.first)
	h.answersGoTo(h.first)
	if err := h.second.Do(func() error {
		h.k, err = kernel.Open(kernel.ProcSys)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.k.Close)
	h.listen(h.realServer, 80)
	return h
}

func (h *handOver) address(network string, number int) netip.Addr {
	return netip.MustParseAddr(fmt.Sprintf(network, number))
}

func (h *handOver) vip() netip.AddrPort { return netip.AddrPortFrom(h.address(h.clients, 10), 80) }

func (h *handOver) real(port uint16) netip.AddrPort {
	return netip.AddrPortFrom(h.address(h.behind, 3), port)
}

func (h *handOver) on(host *network.Host, command string) string {
	h.t.Helper()
	output, err := host.Command(context.Background(), strings.Fields(command)...).CombinedOutput()
	if err != nil {
		h.t.Fatalf("%s: %s: %v: %s", host.Name(), command, err, output)
	}
	return string(output)
}

func (h *handOver) sysctls(host *network.Host, settings ...string) {
	h.t.Helper()
	if err := host.Do(func() error {
		var errs []error
		for _, setting := range settings {
			name, value, _ := strings.Cut(setting, "=")
			errs = append(errs, os.WriteFile("/proc/sys/net/"+name, []byte(value), 0))
		}
		return errors.Join(errs...)
	}); err != nil {
		h.t.Fatal(err)
	}
}

// requestsGoTo makes a director the one that has the virtual IP, for the client.
func (h *handOver) requestsGoTo(director *network.Host) {
	h.t.Helper()
	var mac net.HardwareAddr
	if err := director.Do(func() error {
		eth0, err := net.InterfaceByName("eth0")
		if err == nil {
			mac = eth0.HardwareAddr
		}
		return err
	}); err != nil {
		h.t.Fatal(err)
	}
	h.on(h.client, fmt.Sprintf("%s neighbor replace %s lladdr %s nud permanent dev eth0", h.ip, h.vip().Addr(), mac))
}

// answersGoTo makes a director the one that the real server answers clients over.
func (h *handOver) answersGoTo(director *network.Host) {
	h.t.Helper()
	h.on(h.realServer, fmt.Sprintf("%s route replace "+h.clients+"/%d via %s", h.ip, 0, h.bits, director.Address()))
}

func (h *handOver) goesTo(director *network.Host) {
	h.t.Helper()
	h.requestsGoTo(director)
	h.answersGoTo(director)
}

// listen accepts connections to a host, for as long as the test lasts.
func (h *handOver) listen(host *network.Host, port uint16) {
	h.t.Helper()
	var listener net.Listener
	if err := host.Do(func() (err error) {
		listener, err = net.Listen("tcp", fmt.Sprintf(":%d", port))
		return err
	}); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			h.accepted <- conn
		}
	}()
}

// connect opens a connection of the client.
func (h *handOver) connect(to netip.AddrPort) session {
	h.t.Helper()
	var s session
	if err := h.client.Do(func() (err error) {
		s.client, err = net.DialTimeout("tcp", to.String(), patience)
		return err
	}); err != nil {
		h.t.Fatal(err)
	}
	select {
	case s.server = <-h.accepted:
	case <-time.After(patience):
		h.t.Fatalf("nobody accepts the connection to %s", to)
	}
	h.t.Cleanup(func() { _, _ = s.client.Close(), s.server.Close() })
	h.arrives(s.client, s.server)
	h.arrives(s.server, s.client)
	return s
}

// send sends one byte, and says what comes of it within a time at the end that receives and then at the one that sent: nil, a reset,
// or os.ErrDeadlineExceeded for nothing.
func send(from, to net.Conn, within time.Duration) (received, answered error) {
	if _, err := from.Write([]byte{'x'}); err != nil {
		return err, err
	}
	if received = receive(to, within); received != nil {
		answered = receive(from, within)
	}
	return received, answered
}

// receive receives one byte within a time.
func receive(at net.Conn, within time.Duration) error {
	if err := at.SetReadDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	_, err := at.Read(make([]byte, 1))
	return err
}

// patience is for what has to come, on a machine that may be a slow one.
const patience = 20 * time.Second

func (h *handOver) arrives(from, to net.Conn) {
	h.t.Helper()
	if received, _ := send(from, to, patience); received != nil {
		h.t.Fatalf("from %s to %s nothing arrives: %v", from.LocalAddr(), to.LocalAddr(), received)
	}
}

// isReset says that the end which sends is told that there is no such connection.
func (h *handOver) isReset(from, to net.Conn) {
	h.t.Helper()
	_, err := from.Write([]byte{'x'})
	if err == nil {
		err = receive(from, patience)
	}
	if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
		h.t.Errorf("from %s to %s: %v, want a reset", from.LocalAddr(), to.LocalAddr(), err)
	}
}

// isSilent says that nothing arrives and nothing is answered.
func (h *handOver) isSilent(from, to net.Conn) {
	h.t.Helper()
	received, answered := send(from, to, 300*time.Millisecond)
	if !errors.Is(received, os.ErrDeadlineExceeded) || !errors.Is(answered, os.ErrDeadlineExceeded) {
		h.t.Errorf("from %s to %s: %v, answered: %v; want nothing at all", from.LocalAddr(), to.LocalAddr(), received, answered)
	}
}

// catchesUp says that what was sent while it was silent arrives.
func (h *handOver) catchesUp(to net.Conn) {
	h.t.Helper()
	if err := receive(to, patience); err != nil {
		h.t.Errorf("what was held does not arrive at %s: %v", to.LocalAddr(), err)
	}
}

func (h *handOver) hold(virtual []netip.Addr, servers []netip.AddrPort) {
	h.t.Helper()
	if err := h.k.Hold(kernel.Held{Virtual: virtual, Servers: servers, Period: kernel.MaxHold}); err != nil {
		h.t.Fatal(err)
	}
}

// holdAll holds what belongs to the service.
func (h *handOver) holdAll() {
	h.t.Helper()
	h.hold([]netip.Addr{h.vip().Addr()}, []netip.AddrPort{h.real(80)})
}

// ended waits until nothing is held any more.
func (h *handOver) ended() {
	h.t.Helper()
	for begin := time.Now(); strings.Contains(h.table(), "expires"); {
		if time.Since(begin) > kernel.MaxHold+time.Second {
			h.t.Fatal("still held")
		}
	}
}

func (h *handOver) table() string {
	h.t.Helper()
	return h.on(h.second, "nft list table inet "+kernel.HoldTable)
}

// dropped says whether a rule of a chain has dropped packets.
func (h *handOver) dropped(chain string) bool {
	h.t.Helper()
	for line := range strings.Lines(h.on(h.second, "nft list chain inet "+kernel.HoldTable+" "+chain)) {
		if strings.Contains(line, " counter ") && !strings.Contains(line, " packets 0 ") {
			return true
		}
	}
	return false
}

func TestPacketOfAnUnknownConnectionIsAnsweredOnlyIfItIsNotHeld(t *testing.T) {
	inBothFamilies(t, func(h *handOver) {
		s := h.connect(h.vip())
		h.requestsGoTo(h.second)
		h.isReset(s.client, s.server)

		h.requestsGoTo(h.first)
		s, late := h.connect(h.vip()), h.connect(h.vip())
		h.holdAll()
		h.requestsGoTo(h.second)
		h.isSilent(s.client, s.server)
		h.requestsGoTo(h.first)
		h.catchesUp(s.server)
		if !h.dropped("input") || h.dropped("forward") {
			h.t.Errorf("other packets were dropped than those to the virtual IP:\n%s", h.table())
		}
		h.arrives(s.server, s.client)

		h.ended()
		h.requestsGoTo(h.second)
		h.isReset(late.client, late.server)
	})
}

func TestUntranslatedAnswerOfAnUnknownConnectionIsHeld(t *testing.T) {
	inBothFamilies(t, func(h *handOver) {
		s := h.connect(h.vip())
		h.answersGoTo(h.second)
		h.isReset(s.server, s.client)

		for _, port := range []uint16{80, 0} {
			h.answersGoTo(h.first)
			s, late := h.connect(h.vip()), h.connect(h.vip())
			h.hold(nil, []netip.AddrPort{h.real(port)})
			h.answersGoTo(h.second)
			h.isSilent(s.server, s.client)
			h.answersGoTo(h.first)
			h.catchesUp(s.client)
			if !h.dropped("forward") || h.dropped("input") {
				h.t.Errorf("other packets were dropped than answers of the real server:\n%s", h.table())
			}
			h.arrives(s.client, s.server)

			h.ended()
			h.answersGoTo(h.second)
			h.isReset(late.server, late.client)
			if err := h.k.Unhold(); err != nil {
				h.t.Fatal(err)
			}
		}
	})
}

func TestKnownAndNewConnectionsGoOnWhilePacketsAreHeld(t *testing.T) {
	inBothFamilies(t, func(h *handOver) {
		h.listen(h.realServer, 81)
		h.goesTo(h.second)
		known := h.connect(h.vip())
		h.holdAll()
		h.arrives(known.client, known.server)
		h.arrives(known.server, known.client)
		_ = h.connect(h.vip())
		// What goes through this node as a router, but for the real server's port, is none of IPVS' business.
		_ = h.connect(h.real(81))
		if h.dropped("input") || h.dropped("forward") {
			h.t.Errorf("packets were dropped:\n%s", h.table())
		}
		if err := known.server.Close(); err != nil {
			h.t.Fatal(err)
		}
		if err := receive(known.client, patience); !errors.Is(err, io.EOF) {
			h.t.Errorf("the end of the connection: %v", err)
		}
	})
}

func TestConnectionThatIsRefusedIsRefusedWhilePacketsAreHeld(t *testing.T) {
	inBothFamilies(t, func(h *handOver) {
		h.goesTo(h.second)
		h.holdAll()
		err := h.client.Do(func() error {
			conn, err := net.DialTimeout("tcp", netip.AddrPortFrom(h.vip().Addr(), 81).String(), patience)
			if err == nil {
				err = conn.Close()
			}
			return err
		})
		if !errors.Is(err, syscall.ECONNREFUSED) {
			h.t.Errorf("a port without service: %v, want that it is refused", err)
		}
	})
}

func TestConnectionThatEndsOnTheDirectorGoesOnWhilePacketsAreHeld(t *testing.T) {
	inBothFamilies(t, func(h *handOver) {
		h.goesTo(h.second)
		h.listen(h.second, 82)
		own := netip.AddrPortFrom(h.vip().Addr(), 82)
		direct := h.connect(own)
		h.on(h.second, fmt.Sprintf("ipvsadm -A -t %s -s rr", own))
		h.on(h.second, fmt.Sprintf("ipvsadm -a -t %s -r %s -g", own, netip.AddrPortFrom(h.second.Address(), 82)))
		balanced := h.connect(own)
		h.holdAll()
		for _, s := range []session{direct, balanced, h.connect(own)} {
			h.arrives(s.client, s.server)
			h.arrives(s.server, s.client)
		}
		if h.dropped("input") || h.dropped("forward") {
			h.t.Errorf("packets were dropped:\n%s", h.table())
		}
	})
}
