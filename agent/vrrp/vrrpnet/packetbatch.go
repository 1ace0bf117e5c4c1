// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

const (
	// batchSize is the number of packets that one system call reads.
	batchSize = 64
	// maxPacket has room for an IPv4 header with options and the largest advertisement: 255 addresses of IPv4 in version 2, or the
	// 1,500 bytes of IPv6.
	maxPacket = 1536
	// controlSize has room for a hop limit and a struct in6_pktinfo, each with its header, aligned.
	controlSize = 64
)

// multiMessage is struct mmsghdr of recvmmsg(2).
type multiMessage struct {
	header unix.Msghdr
	length uint32
	_      [4]byte
}

// packetBatch is the memory into which one recvmmsg(2) reads.
type packetBatch struct {
	messages [batchSize]multiMessage
	vectors  [batchSize]unix.Iovec
	sources  [batchSize]unix.RawSockaddrInet6 // as large as any that is received here
	control  [batchSize][controlSize]byte
	packets  [batchSize][maxPacket]byte
	// used is how many messages the last call wrote to.
	used int
}

func newPacketBatch() *packetBatch {
	b := &packetBatch{used: batchSize}
	for i := range b.messages {
		b.vectors[i].Base = &b.packets[i][0]
		b.vectors[i].SetLen(maxPacket)
		h := &b.messages[i].header
		h.Iov = &b.vectors[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&b.sources[i])) //nolint:gosec // as struct msghdr wants it
		h.Control = &b.control[i][0]
	}
	return b
}

// receive returns how many packets it read; 0 on any error, which is EAGAIN or one of which the monitor hears too.
func (b *packetBatch) receive(fd int) int {
	for i := range b.used {
		h := &b.messages[i].header
		h.Namelen = unix.SizeofSockaddrInet6
		h.SetControllen(controlSize)
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.messages[0])), batchSize, unix.MSG_DONTWAIT, 0, 0) //nolint:gosec // the kernel writes into b, which outlives the call
	b.used = 0
	if errno != 0 {
		return 0
	}
	b.used = int(n)
	return b.used
}

// ipv4 separates packet i into what its header says (RFC 791 section 3.1) and the payload. vrrp.ErrTruncated is its only error.
func (b *packetBatch) ipv4(i int) (vrrp.Envelope, []byte, error) {
	return splitIPv4(b.packets[i][:min(b.messages[i].length, maxPacket)])
}

func splitIPv4(packet []byte) (vrrp.Envelope, []byte, error) {
	const minHeader = 20
	if len(packet) < minHeader || packet[0]>>4 != 4 {
		return vrrp.Envelope{}, nil, vrrp.ErrTruncated
	}
	header := int(packet[0]&0xf) * 4
	total := int(binary.BigEndian.Uint16(packet[2:]))
	if header < minHeader || total < header || total > len(packet) {
		return vrrp.Envelope{}, nil, vrrp.ErrTruncated
	}
	return vrrp.Envelope{
		TTL:         int(packet[8]),
		Source:      netip.AddrFrom4([4]byte(packet[12:16])),
		Destination: netip.AddrFrom4([4]byte(packet[16:20])),
	}, packet[header:total], nil
}

// ipv6 is the same for IPv6, of which a raw socket reads no header: what it said comes beside the packet (RFC 3542), in control messages
// (cmsg(3)) as 64-bit kernels lay them out.
func (b *packetBatch) ipv6(i int) (vrrp.Envelope, []byte, error) {
	envelope := vrrp.Envelope{Source: netip.AddrFrom16(b.sources[i].Addr), TTL: -1}
	control := b.control[i][:min(b.messages[i].header.Controllen, controlSize)]
	for len(control) >= unix.SizeofCmsghdr {
		length := binary.NativeEndian.Uint64(control)
		if length < unix.SizeofCmsghdr || length > uint64(len(control)) {
			break
		}
		value := control[unix.SizeofCmsghdr:length]
		if binary.NativeEndian.Uint32(control[8:]) == unix.IPPROTO_IPV6 {
			switch kind := binary.NativeEndian.Uint32(control[12:]); {
			case kind == unix.IPV6_HOPLIMIT && len(value) >= 4:
				envelope.TTL = int(binary.NativeEndian.Uint32(value))
			case kind == unix.IPV6_PKTINFO && len(value) >= 16:
				envelope.Destination = netip.AddrFrom16([16]byte(value))
			}
		}
		control = control[min(uint64(unix.CmsgSpace(int(length)-unix.SizeofCmsghdr)), uint64(len(control))):]
	}
	if envelope.TTL < 0 || !envelope.Destination.IsValid() {
		return vrrp.Envelope{}, nil, vrrp.ErrTruncated
	}
	return envelope, b.packets[i][:min(b.messages[i].length, maxPacket)], nil
}
