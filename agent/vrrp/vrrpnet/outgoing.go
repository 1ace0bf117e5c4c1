// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// outgoing is an advertisement as it goes out, made once: an Active sends the same bytes at each interval.
type outgoing struct {
	packet []byte
	// control says from which address and interface (struct in_pktinfo, struct in6_pktinfo).
	control []byte
	to      []unix.Sockaddr
	// framed says that the packet is a whole frame, from a virtual MAC address: it goes through the packet socket.
	framed bool
}

// prepare makes the packets of an advertisement. One to each unicast peer may need a checksum of its own, so packets differ where
// the destination does: see send.
func (o *outgoing) prepare(a vrrp.Advertisement, c vrrp.Config, index int) error {
	o.to, o.framed = o.to[:0], c.VirtualMAC
	if c.VirtualMAC {
		return o.frame(a, c, index)
	}
	destinations := c.Peers
	if len(destinations) == 0 {
		destinations = []netip.Addr{vrrp.Group(c.Family())}
	}
	o.packet = o.packet[:0]
	for _, destination := range destinations {
		var err error
		if o.packet, err = a.AppendBinary(o.packet, c.Source, destination); err != nil {
			return err
		}
		o.to = append(o.to, sockaddr(destination, index))
	}
	o.control = packetInfo(o.control[:0], c.Source, index)
	return nil
}

// frame makes the frame of an advertisement from the virtual MAC address.
func (o *outgoing) frame(a vrrp.Advertisement, c vrrp.Config, index int) error {
	var err error
	o.packet, err = appendFrame(o.packet[:0], a, hardwareAddress(vrrp.VirtualMAC(c.Family(), c.VRID)), c.Source)
	if err != nil {
		return err
	}
	kind := uint16(unix.ETH_P_IP)
	if c.Source.Is6() {
		kind = unix.ETH_P_IPV6
	}
	o.control = o.control[:0]
	o.to = append(o.to, linkLayer(index, kind, multicastHardware(vrrp.Group(c.Family()))))
	return nil
}

// send sends the packet to every destination, and returns how many the kernel took and why it refused the last that it did not.
func (o *outgoing) send(fd int) (sent uint64, err error) {
	size := len(o.packet) / max(1, len(o.to))
	for i, to := range o.to {
		if e := unix.Sendmsg(fd, o.packet[i*size:(i+1)*size], o.control, to, unix.MSG_DONTWAIT); e != nil {
			err = e
			continue
		}
		sent++
	}
	return sent, err
}

func sockaddr(to netip.Addr, index int) unix.Sockaddr {
	if to.Is4() {
		return &unix.SockaddrInet4{Addr: to.As4()}
	}
	address := &unix.SockaddrInet6{Addr: to.As16()}
	if to.IsLinkLocalUnicast() || to.IsLinkLocalMulticast() {
		address.ZoneId = uint32(index)
	}
	return address
}

// packetInfo appends the control message that chooses source and interface of a packet (ip(7), RFC 3542 section 6.2).
func packetInfo(b []byte, source netip.Addr, index int) []byte {
	var value []byte
	level, kind := unix.IPPROTO_IP, unix.IP_PKTINFO
	if source.Is4() {
		four := source.As4()
		value = binary.NativeEndian.AppendUint32(value, uint32(index))
		value = append(append(value, four[:]...), 0, 0, 0, 0)
	} else {
		sixteen := source.As16()
		level, kind = unix.IPPROTO_IPV6, unix.IPV6_PKTINFO
		value = binary.NativeEndian.AppendUint32(append(value, sixteen[:]...), uint32(index))
	}
	b = binary.NativeEndian.AppendUint64(b, uint64(unix.CmsgLen(len(value))))
	b = binary.NativeEndian.AppendUint32(b, uint32(level))
	b = binary.NativeEndian.AppendUint32(b, uint32(kind))
	b = append(b, value...)
	return append(b, make([]byte, unix.CmsgSpace(len(value))-unix.CmsgLen(len(value)))...)
}
