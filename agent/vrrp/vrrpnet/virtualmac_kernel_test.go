// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package vrrpnet

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

var vip6 = netip.MustParseAddr("2001:db8::200")

// virtualConfig is config, of the family, and slower: these directors do more at a transition than run VRRP, and emulated processors
// take their time for it.
func virtualConfig(ipv6 bool) (vrrp.Config, netip.Addr) {
	c := config(100)
	c.Interval = 500 * time.Millisecond
	if !ipv6 {
		return c, vip
	}
	c.Addresses = []netip.Addr{vrrp.LinkLocal(c.VRID), vip6}
	return c, vip6
}

// answerOnTCP answers each connection to any address of the host with its name, for good.
func (h *host) answerOnTCP() {
	h.t.Helper()
	h.in(func() {
		listener, err := net.Listen("tcp", ":80")
		if err != nil {
			h.t.Error(err)
			return
		}
		h.t.Cleanup(func() { _ = listener.Close() })
		go func() {
			for {
				connection, err := listener.Accept()
				if err != nil {
					return
				}
				go func() {
					defer func() { _ = connection.Close() }()
					lines := bufio.NewScanner(connection)
					for lines.Scan() {
						_, _ = fmt.Fprintln(connection, h.addr, lines.Text())
					}
				}()
			}
		}()
	})
}

// attempt is the wait for a connection before another attempt.
const attempt = 500 * time.Millisecond

// conversation is a TCP connection to a server.
type conversation struct {
	connection net.Conn
	lines      *bufio.Reader
}

// dial connects from the host.
func (h *host) dial(to netip.Addr) (c conversation, err error) {
	h.in(func() {
		c.connection, err = net.DialTimeout("tcp", netip.AddrPortFrom(to, 80).String(), attempt)
	})
	if err == nil {
		h.t.Cleanup(func() { _ = c.connection.Close() })
		c.lines = bufio.NewReader(c.connection)
	}
	return c, err
}

// ask says something and returns who answers.
func (c conversation) ask(what string) (string, error) {
	_ = c.connection.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintln(c.connection, what); err != nil {
		return "", err
	}
	line, err := c.lines.ReadString('\n')
	who, _, _ := strings.Cut(line, " ")
	return who, err
}

// isAnswered fails unless a new connection from the host to the address is answered by who.
func (h *host) isAnswered(to netip.Addr, who string) {
	h.t.Helper()
	var got string
	eventually(h.t, fmt.Sprintf("%s answers at %s", who, to), func() bool {
		c, err := h.dial(to)
		if err != nil {
			return false
		}
		got, err = c.ask("hello")
		return err == nil && got == who
	})
}

// A failover that no neighbour has to learn of. Each director answers with its own name, so that the client sees who serves; the
// wire shows that the virtual MAC address came from one port after the other, and that nothing told of another one.
func TestAClientsNeighbourEntryStaysOverAFailover(t *testing.T) {
	for _, ipv6 := range []bool{false, true} {
		t.Run(fmt.Sprintf("IPv6: %t", ipv6), func(t *testing.T) {
			m, s := newLab(t)
			client := m.join("c", "192.0.2.150")
			for i, h := range []*host{m, s, client} {
				h.ip(fmt.Sprintf("addr add 2001:db8::%d/64 dev eth0 nodad", 114+i))
			}
			m.answerOnTCP()
			s.answerOnTCP()
			c, address := virtualConfig(ipv6)
			virtual := vrrp.VirtualMAC(address, c.VRID)
			wire := m.listen()
			master := m.direct(c)
			master.await(vrrp.Backup)
			master.await(vrrp.Active)
			c.Priority = 99
			brucelee := s.direct(c)
			brucelee.await(vrrp.Backup)
			client.isAnswered(address, m.addr)
			if got := client.knows(address); got != virtual.String() {
				t.Fatalf("the client has %s at %s, want %s", address, got, virtual)
			}
			// What each director asks of its neighbours, when it answers the client, must not name the virtual IP as its own.
			m.ip("neigh flush dev eth0")
			client.isAnswered(address, m.addr)
			brucelee.steady(restAfter)

			begin := time.Now()
			master.die()
			brucelee.await(vrrp.Active)
			client.isAnswered(address, s.addr)
			t.Logf("the client was served again after %s (Active_Down_Interval is %s)", time.Since(begin).Round(time.Millisecond), 3*c.Interval+skew(99, c.Interval))
			if got := client.knows(address); got != virtual.String() {
				t.Errorf("after the failover the client has %s at %s, want %s", address, got, virtual)
			}
			brucelee.steady(restAfter)
			wire.cameFrom(virtual, m, s)
			wire.sentFrom(virtual)
			wire.onlyAt(virtual, address)
		})
	}
}

// The RFC's own hand-over: the better director comes back, and the other one is off the link as soon as it has heard it.
func TestTheVirtualMACAddressComesFromOneDirectorAtATime(t *testing.T) {
	m, s := newLab(t)
	client := m.join("c", "192.0.2.150")
	m.answerOnTCP()
	s.answerOnTCP()
	c, address := virtualConfig(false)
	virtual := vrrp.VirtualMAC(address, c.VRID)
	low := c
	low.Priority = 99
	wire := m.listen()
	brucelee := s.direct(low)
	brucelee.await(vrrp.Backup)
	brucelee.await(vrrp.Active)
	client.isAnswered(address, s.addr)
	master := m.direct(c)
	master.await(vrrp.Backup)
	master.await(vrrp.Active)
	brucelee.await(vrrp.Backup)
	client.isAnswered(address, m.addr)
	eventually(t, "brucelee's link is down", func() bool {
		return !strings.Contains(s.ip("link show dev "+brucelee.link.Name), ",UP")
	})
	master.steady(restAfter)
	master.leave()
	brucelee.await(vrrp.Active)
	client.isAnswered(address, s.addr)
	brucelee.steady(restAfter)
	wire.cameFrom(virtual, s, m, s)
	wire.onlyAt(virtual, address)
	if got := client.knows(address); got != virtual.String() {
		t.Errorf("the client has %s at %s, want %s", address, got, virtual)
	}
}

// Two Actives send from one address, which a macvlan link of another mode would keep from the interface below.
func TestTwoActivesWithOneVirtualMACAddressHearEachOther(t *testing.T) {
	for _, ipv6 := range []bool{false, true} {
		t.Run(fmt.Sprintf("IPv6: %t", ipv6), func(t *testing.T) {
			m, s := newLab(t)
			c, _ := virtualConfig(ipv6)
			master := m.direct(c)
			master.await(vrrp.Backup)
			master.await(vrrp.Active)
			eventually(t, "master's link is up", func() bool { return strings.Contains(m.ip("link show dev "+master.link.Name), ",UP") })
			c.Priority = 99
			s.part()
			brucelee := s.direct(c)
			brucelee.await(vrrp.Backup)
			brucelee.await(vrrp.Active)
			eventually(t, "brucelee's link is up", func() bool { return strings.Contains(s.ip("link show dev "+brucelee.link.Name), ",UP") })
			s.rejoin()
			brucelee.await(vrrp.Backup)
			brucelee.steady(restAfter)
			if master.State() != vrrp.Active {
				t.Errorf("master is %s", master.State())
			}
		})
	}
}

// What comes in by the link goes on through IPVS as what comes in by the interface does: the answers too, which for LVS/NAT come back
// to the virtual IP as the real server's gateway, and the connection lives on over a hand-over of the address.
func TestIPVSServesByTheVirtualMACAddress(t *testing.T) {
	for _, method := range []string{"-g", "-m"} {
		t.Run("ipvsadm "+method, func(t *testing.T) {
			m, s := newLab(t)
			client, server := m.join("c", "192.0.2.150"), m.join("r", "192.0.2.111")
			server.answerOnTCP()
			for _, key := range []string{"all", "lo"} {
				run(t, "ip", "netns", "exec", server.ns, "sysctl", "-q", "-w", "net.ipv4.conf."+key+".arp_ignore=1", "net.ipv4.conf."+key+".arp_announce=2")
			}
			if method == "-g" {
				server.ip("addr add 192.0.2.200/32 dev lo")
			} else {
				server.ip("route add 192.0.2.150/32 via 192.0.2.200 dev eth0")
			}
			for _, h := range []*host{m, s} {
				for _, line := range []string{"-A -t 192.0.2.200:80 -s rr", "-a -t 192.0.2.200:80 -r 192.0.2.111:80 " + method} {
					run(t, append([]string{"ip", "netns", "exec", h.ns, "ipvsadm"}, strings.Fields(line)...)...)
				}
				t.Cleanup(func() { run(t, "ip", "netns", "exec", h.ns, "ipvsadm", "-C") })
				run(t, "ip", "netns", "exec", h.ns, "sysctl", "-q", "-w", "net.ipv4.vs.sloppy_tcp=1")
			}
			// Strict everywhere else, as some distributions have it.
			for _, h := range []*host{m, s} {
				run(t, "ip", "netns", "exec", h.ns, "sysctl", "-q", "-w", "net.ipv4.conf.all.rp_filter=1", "net.ipv4.conf.default.rp_filter=1", "net.ipv4.conf.eth0.rp_filter=1")
			}
			c, address := virtualConfig(false)
			master := m.direct(c)
			master.await(vrrp.Backup)
			master.await(vrrp.Active)
			c.Priority = 99
			brucelee := s.direct(c)
			brucelee.await(vrrp.Backup)
			client.isAnswered(address, server.addr)
			var open conversation
			eventually(t, "a connection is there", func() (connected bool) {
				var err error
				open, err = client.dial(address)
				return err == nil
			})
			if _, err := open.ask("before"); err != nil {
				t.Fatal(err)
			}
			master.leave()
			brucelee.await(vrrp.Active)
			client.isAnswered(address, server.addr)
			// sloppy_tcp lets the other director take a connection up in the middle; LVS/NAT would also need synchronised ports.
			if method == "-g" {
				if who, err := open.ask("after"); err != nil || who != server.addr {
					t.Errorf("the connection from before: %q, %v", who, err)
				}
			}
		})
	}
}

// Each way round with the same address on both: it Active, we Active; we stop, we return, we die; it stops.
func TestWeShareAVirtualMACAddressWithKeepalived(t *testing.T) {
	for _, ipv6 := range []bool{false, true} {
		t.Run(fmt.Sprintf("IPv6: %t", ipv6), func(t *testing.T) {
			m, s := newLab(t)
			client := m.join("c", "192.0.2.150")
			for i, h := range []*host{m, s, client} {
				h.ip(fmt.Sprintf("addr add 2001:db8::%d/64 dev eth0 nodad", 114+i))
			}
			m.answerOnTCP()
			s.answerOnTCP()
			c, address := virtualConfig(ipv6)
			virtual := vrrp.VirtualMAC(address, c.VRID)
			us, them := m.source(c.Family()), s.source(c.Family())
			wire := m.listen()
			ours := m.direct(c)
			ours.await(vrrp.Backup)
			ours.await(vrrp.Active)
			theirs := c
			theirs.Priority, theirs.VirtualMAC = 99, true
			// keepalived leaves to the administrator that the interface below does not ask for neighbours in the virtual IP's name.
			run(t, "ip", "netns", "exec", s.ns, "sysctl", "-q", "-w", "net.ipv4.conf.eth0.arp_announce=2")
			keepalived := s.keepalived(theirs, "")
			ours.steady(restAfter)
			served := func(by *host) {
				t.Helper()
				client.isAnswered(address, by.addr)
				if got := client.knows(address); got != virtual.String() {
					t.Errorf("the client has %s at %s, want %s", address, got, virtual)
				}
			}
			served(m)

			ours.leave()
			eventually(t, "keepalived has the address", func() bool { return s.has(address) })
			served(s)

			ours = m.direct(c)
			ours.await(vrrp.Backup)
			ours.await(vrrp.Active)
			eventually(t, "keepalived gave the address up", func() bool { return !s.has(address) })
			ours.steady(restAfter)
			served(m)

			ours.die()
			eventually(t, "keepalived takes over after our death", func() bool { return s.has(address) })
			served(s)
			m.ip("link set dev " + ours.link.Name + " down") // what died has lost its memory
			m.plug()

			low := c
			low.Priority = 50
			ours = m.direct(low)
			ours.await(vrrp.Backup)
			ours.steady(restAfter)
			if err := keepalived.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			ours.await(vrrp.Active)
			served(m)
			if got := ours.Stats().Discarded; got != [vrrp.DiscardLimit]uint64{} {
				t.Errorf("we discarded %v of keepalived's", got)
			}
			wire.tookTurns(us, them, us, them, us)
			wire.sentFrom(virtual)
		})
	}
}
