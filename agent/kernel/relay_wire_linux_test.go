// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package kernel_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/kernel"
	"github.com/lvs-operator/lvs-operator/test/network"
)

// relayWire is two directors that know no connection, and a sender of packets of connections. Without IPVS every packet is one that a
// director does not know.
type relayWire struct {
	t                     *testing.T
	sender, first, second *network.Host
	kernels               map[*network.Host]*kernel.Kernel
	// of is where IPv4 or IPv6 has what the test looks at.
	of ipvs.Family
	// vip is the virtual IP; server a real server; client who it answers.
	vip, server, client netip.Addr
}

func onTheWire(t *testing.T, test func(*relayWire)) {
	t.Run("IPv4", func(t *testing.T) { test(newRelayWire(t, ipvs.IPv4, "192.0.2.%d", 24)) })
	t.Run("IPv6", func(t *testing.T) { test(newRelayWire(t, ipvs.IPv6, "2001:db8::%d", 64)) })
}

func newRelayWire(t *testing.T, of ipvs.Family, on string, bits int) *relayWire {
	t.Helper()
	address := func(number int) netip.Addr { return netip.MustParseAddr(fmt.Sprintf(on, number)) }
	w := &relayWire{t: t, of: of, vip: address(10), server: address(3), client: address(7), kernels: map[*network.Host]*kernel.Kernel{}}
	n, err := network.New("relays")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Close() })
	for number, host := range []**network.Host{&w.sender, &w.first, &w.second} {
		name := []string{"sender", "first", "second"}[number]
		if *host, err = n.AddHost(name, fmt.Sprintf("%s/%d", address(number+1), bits)); err != nil {
			t.Fatal(err)
		}
	}
	for _, director := range []*network.Host{w.first, w.second} {
		w.run(director, fmt.Sprintf("ip address add %s/%d dev eth0", w.vip, w.vip.BitLen()))
		if err := director.Do(func() error {
			k, err := kernel.Open(kernel.ProcSys)
			if err != nil {
				return err
			}
			t.Cleanup(k.Close)
			w.kernels[director] = k
			return errors.Join(os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0),
				os.WriteFile("/proc/sys/net/ipv6/conf/all/forwarding", []byte("1"), 0))
		}); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *relayWire) run(host *network.Host, command string) {
	w.t.Helper()
	(&handOver{t: w.t}).on(host, command)
}

// relay holds what is not known at a director, and sends it on.
func (w *relayWire) relay(at *network.Host, to netip.Addr, on string) {
	w.t.Helper()
	if err := at.Do(func() error {
		return w.kernels[at].Hold(kernel.Held{
			Virtual: []netip.Addr{w.vip}, Servers: []netip.AddrPort{netip.AddrPortFrom(w.server, 80)}, To: to, Interface: on, Period: kernel.MaxHold,
		})
	}); err != nil {
		w.t.Fatal(err)
	}
}

// hardware is the address of an interface, and its index.
func (w *relayWire) hardware(host *network.Host, name string) (found *net.Interface) {
	w.t.Helper()
	if err := host.Do(func() (err error) {
		found, err = net.InterfaceByName(name)
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	return found
}

// linkLocal is an interface's own IPv6 address.
func (w *relayWire) linkLocal(host *network.Host, name string) (found netip.Addr) {
	w.t.Helper()
	if err := host.Do(func() error {
		on, err := net.InterfaceByName(name)
		if err != nil {
			return err
		}
		all, err := on.Addrs()
		for _, each := range all {
			if prefix, err := netip.ParsePrefix(each.String()); err == nil && prefix.Addr().IsLinkLocalUnicast() {
				found = prefix.Addr()
			}
		}
		return err
	}); err != nil || !found.IsValid() {
		w.t.Fatalf("%s has no link-local address: %v", name, err)
	}
	return found
}

// request is a packet of a client to the virtual IP, and answer one of the real server to a client, each in the middle of a connection.
func (w *relayWire) request(port uint16, hops byte) []byte {
	return w.packet(w.client, w.vip, port, 80, hops)
}

func (w *relayWire) answer(port uint16, hops byte) []byte {
	return w.packet(w.server, w.client, 80, port, hops)
}

// packet is a TCP packet with ACK alone (RFC 9293 section 3.1). Nobody looks at TCP's checksum.
func (w *relayWire) packet(from, to netip.Addr, source, destination uint16, hops byte) []byte {
	var header []byte
	if w.of == ipvs.IPv6 {
		header = append([]byte{0x60, 0, 0, 0, 0, 20, unix.IPPROTO_TCP, hops}, append(from.AsSlice(), to.AsSlice()...)...)
	} else {
		header = append([]byte{0x45, 0, 0, 40, 0, 1, 0, 0, hops, unix.IPPROTO_TCP, 0, 0}, append(from.AsSlice(), to.AsSlice()...)...)
		binary.BigEndian.PutUint16(header[10:], ^sum(header))
	}
	tcp := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(header, source), destination)
	return append(tcp, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 1, 0, 0, 0, 0, 0)
}

// sum is the ones' complement sum of a header (RFC 791 section 3.1), 0xffff where its checksum is right.
func sum(header []byte) uint16 {
	var total uint32
	for i := 0; i+1 < len(header); i += 2 {
		total += uint32(binary.BigEndian.Uint16(header[i:]))
	}
	for total > 0xffff {
		total = total>>16 + total&0xffff
	}
	return uint16(total)
}

func (w *relayWire) etherType() uint16 {
	if w.of == ipvs.IPv6 {
		return unix.ETH_P_IPV6
	}
	return unix.ETH_P_IP
}

// socket takes and sends packets of the family on an interface, without their Ethernet header.
func (w *relayWire) socket(host *network.Host, name string) int {
	w.t.Helper()
	on := w.hardware(host, name)
	protocol := w.etherType()<<8 | w.etherType()>>8
	var fd int
	if err := host.Do(func() (err error) {
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(protocol)); err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: protocol, Ifindex: on.Index})
	}); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

// send sends a packet to a director, which has it for the next hop.
func (w *relayWire) send(director *network.Host, packet []byte) {
	w.t.Helper()
	to := &unix.SockaddrLinklayer{Protocol: w.etherType()<<8 | w.etherType()>>8, Ifindex: w.hardware(w.sender, "eth0").Index, Halen: 6}
	copy(to.Addr[:], w.hardware(director, "eth0").HardwareAddr)
	if err := unix.Sendto(w.socket(w.sender, "eth0"), packet, 0, to); err != nil {
		w.t.Fatal(err)
	}
}

// arriving are the TCP packets that reach a host, by the port that tells them apart, with their TTL or hop limit. It waits for one of
// the port, and then for as long as more come, but for ten of one port.
func (w *relayWire) arriving(fd int, last uint16) map[uint16][]byte {
	w.t.Helper()
	found := map[uint16][]byte{}
	buffer := make([]byte, 1<<16)
	for {
		wait := patience
		if len(found[last]) > 0 {
			wait = 200 * time.Millisecond
		}
		limit := unix.NsecToTimeval(wait.Nanoseconds())
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
			w.t.Fatal(err)
		}
		n, from, err := unix.Recvfrom(fd, buffer, 0)
		if errors.Is(err, unix.EAGAIN) {
			return found
		}
		if err != nil {
			w.t.Fatal(err)
		}
		packet := buffer[:n]
		if from.(*unix.SockaddrLinklayer).Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		if port, hops, ok := w.read(packet); ok {
			if found[port] = append(found[port], hops); len(found[port]) == 10 {
				return found
			}
		}
	}
}

// read reads one of our packets.
func (w *relayWire) read(packet []byte) (port uint16, hops byte, ok bool) {
	w.t.Helper()
	tcp, hopsAt, protocolAt := 20, 8, 9
	if w.of == ipvs.IPv6 {
		tcp, hopsAt, protocolAt = 40, 7, 6
	}
	if len(packet) < tcp+20 || packet[protocolAt] != unix.IPPROTO_TCP {
		return 0, 0, false
	}
	if w.of == ipvs.IPv4 && sum(packet[:tcp]) != 0xffff {
		w.t.Errorf("the checksum of the header is wrong: % x", packet)
	}
	source, destination := binary.BigEndian.Uint16(packet[tcp:]), binary.BigEndian.Uint16(packet[tcp+2:])
	return max(source, destination), packet[hopsAt], true
}

// Neither director knows the packets, and each would send them on to the other.
func TestPacketThatNeitherDirectorKnowsIsSentOnOnce(t *testing.T) {
	onTheWire(t, func(w *relayWire) {
		w.relay(w.first, w.second.Address(), "eth0")
		w.relay(w.second, w.first.Address(), "eth0")
		for what, kind := range map[string]struct {
			packet func(port uint16, hops byte) []byte
			// hops are those of the copy; lowest is the least that is sent on, and routers take one before we look.
			hops, lowest byte
		}{"request": {w.request, 7, 9}, "answer": {w.answer, 56, 58}} {
			first, second := w.socket(w.first, "eth0"), w.socket(w.second, "eth0")
			w.send(w.first, kind.packet(1001, kind.lowest-1))
			w.send(w.first, kind.packet(1002, 64))
			w.send(w.first, kind.packet(1003, 255))
			w.send(w.first, kind.packet(1004, kind.lowest))
			sent := w.arriving(second, 1004)
			for port := uint16(1002); port <= 1004; port++ {
				if got := sent[port]; len(got) != 1 || got[0] != kind.hops {
					w.t.Errorf("%s %d is sent on with %d hops left, want once and %d", what, port, got, kind.hops)
				}
			}
			if got := sent[1001]; len(got) != 0 {
				w.t.Errorf("%s with a TTL of %d is sent on with %d hops left", what, kind.lowest-1, got)
			}
			for port, got := range w.arriving(first, 1004) {
				if len(got) != 1 {
					w.t.Errorf("%s %d comes back: it reached the first director with %d hops left", what, port, got)
				}
			}
		}
	})
}

// A link-local next hop is on whatever link the routes say, or on the one that is named.
func TestPacketsAreSentOnOverTheInterfaceThatIsNamed(t *testing.T) {
	w := newRelayWire(t, ipvs.IPv6, "2001:db8::%d", 64)
	for _, name := range []string{"eth0", "mgmt0"} {
		socket := w.socket(w.second, name)
		w.relay(w.first, w.linkLocal(w.second, name), name)
		w.send(w.first, w.request(1001, 64))
		if got := w.arriving(socket, 1001)[1001]; len(got) != 1 {
			t.Errorf("over %s the packet comes with %d hops left, want once", name, got)
		}
		if err := w.first.Do(w.kernels[w.first].Unhold); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPacketsGoToTheNextHopThatWasNamedLast(t *testing.T) {
	onTheWire(t, func(w *relayWire) {
		second := w.socket(w.second, "eth0")
		w.relay(w.first, w.sender.Address(), "eth0")
		w.relay(w.first, w.second.Address(), "eth0")
		w.send(w.first, w.request(1001, 64))
		w.send(w.first, w.answer(1002, 64))
		sent := w.arriving(second, 1002)
		if len(sent[1001]) != 1 || len(sent[1002]) != 1 {
			w.t.Errorf("sent on are %v, want one request and one answer", sent)
		}
	})
}
