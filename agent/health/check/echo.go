// SPDX-License-Identifier: Apache-2.0

package check

import (
	"encoding/binary"
	"net/netip"

	"github.com/lvs-operator/lvs-operator/agent/checksum"
)

// EchoSize is the size of an echo request and of its answer, in bytes, without the IP header.
const EchoSize = 16

// Echo is what an ICMP echo request says and its answer repeats (RFC 792; RFC 4443 sections 4.1 and 4.2).
type Echo struct {
	// Asker and Sequence are the header's identifier and sequence number.
	Asker, Sequence uint16
	// Token is the data, 8 bytes, the greater ones first: those who have not seen the request can't know it.
	Token uint64
}

// The types of echo messages.
const (
	echoRequest4, echoReply4 = 8, 0
	echoRequest6, echoReply6 = 128, 129
)

// Request4 writes the request for IPv4.
func (e Echo) Request4(to *[EchoSize]byte) {
	e.put(to, echoRequest4)
	binary.BigEndian.PutUint16(to[2:], ^checksum.Fold(checksum.Sum(0, to[:])))
}

// Request6 writes the request for IPv6, without its checksum, which the kernel writes for raw sockets (RFC 3542 section 3.1).
func (e Echo) Request6(to *[EchoSize]byte) { e.put(to, echoRequest6) }

func (e Echo) put(to *[EchoSize]byte, kind byte) {
	*to = [EchoSize]byte{0: kind}
	binary.BigEndian.PutUint16(to[4:], e.Asker)
	binary.BigEndian.PutUint16(to[6:], e.Sequence)
	binary.BigEndian.PutUint64(to[8:], e.Token)
}

// EchoAnswer4 reads an answer to a request and who sent it, from a packet with its IPv4 header, as raw sockets give it (raw(7)).
func EchoAnswer4(packet []byte) (from netip.Addr, echo Echo, ok bool) {
	const smallestHeader = 20
	if len(packet) < smallestHeader {
		return netip.Addr{}, Echo{}, false
	}
	header := int(packet[0]&0xf) * 4
	if header < smallestHeader || len(packet) != header+EchoSize {
		return netip.Addr{}, Echo{}, false
	}
	message := (*[EchoSize]byte)(packet[header:])
	if checksum.Fold(checksum.Sum(0, message[:])) != checksum.Right {
		return netip.Addr{}, Echo{}, false
	}
	echo, ok = read(message, echoReply4)
	return netip.AddrFrom4([4]byte(packet[12:])), echo, ok
}

// EchoAnswer6 reads an answer to a request, without an IPv6 header. The kernel has looked at its checksum.
func EchoAnswer6(message []byte) (echo Echo, ok bool) {
	if len(message) != EchoSize {
		return Echo{}, false
	}
	return read((*[EchoSize]byte)(message), echoReply6)
}

func read(message *[EchoSize]byte, kind byte) (echo Echo, ok bool) {
	if message[0] != kind || message[1] != 0 {
		return Echo{}, false
	}
	return Echo{
		Asker:    binary.BigEndian.Uint16(message[4:]),
		Sequence: binary.BigEndian.Uint16(message[6:]),
		Token:    binary.BigEndian.Uint64(message[8:]),
	}, true
}
