// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// Envelope is what the IP header says of a received packet.
type Envelope struct {
	// Source is the sender's primary address.
	Source netip.Addr
	// Destination is the multicast group, in unicast mode the receiver's address.
	Destination netip.Addr
	// TTL is the time to live, or hop limit, as received, 0 to 255.
	TTL int
}

// Parse reads the packet b, without IP header, into a, reusing the room of a.Addresses: it does not allocate when that
// is large enough. Every error is a [Discard], after which a holds nothing of use. Bytes after the packet's end are
// ignored. What only the configuration can judge (VRID, authentication, version 2's interval, unicast) is left to
// [Instance.Receive].
//
// A unicast packet may have any TTL, as keepalived takes it: its peers need not be on the link, and only they are followed.
func (a *Advertisement) Parse(b []byte, e Envelope) error {
	switch {
	case e.TTL != TTL && e.Destination.IsMulticast():
		return ErrTTL
	case len(b) < headerSize || !e.Source.IsValid() || e.Source.Is4() != e.Destination.Is4():
		return ErrTruncated
	}
	version := Version(b[0] >> 4)
	switch {
	case version != Version3 && (version != Version2 || !e.Source.Is4()):
		return ErrVersion
	case b[0]&0xf != typeAdvertise:
		return ErrType
	}
	count := int(b[offCount])
	each := addressSize(e.Source)
	size := headerSize + each*count
	if version == Version2 {
		size += authDataSize
	}
	switch {
	case len(b) < size:
		return ErrTruncated
	case !checksumHolds(version, b[:size], e.Source, e.Destination):
		return ErrChecksum
	case b[offVRID] == 0:
		return ErrVRID
	case version == Version3 && count == 0:
		return ErrCount
	}
	a.Version, a.VRID, a.Priority = version, b[offVRID], b[offPriority]
	a.Unicast = !e.Destination.IsMulticast()
	a.Addresses = a.Addresses[:0]
	for at := headerSize; at < headerSize+each*count; at += each {
		address, _ := netip.AddrFromSlice(b[at : at+each])
		a.Addresses = append(a.Addresses, address)
	}
	if each == addressSize6 && !a.Addresses[0].IsLinkLocalUnicast() {
		return ErrLinkLocal
	}
	return a.parseVersion(b[:size])
}

// parseVersion reads what the two versions lay out differently. A zero interval is refused in both: no timer can follow
// it (RFC 9568 section 7.1; RFC 3768 lets it differ from the configured one only to be discarded).
func (a *Advertisement) parseVersion(b []byte) error {
	var units uint16
	a.Auth = Authentication{}
	if a.Version == Version2 {
		units = uint16(b[offInterval2])
		a.Auth.Type = AuthType(b[offAuthType])
		a.Auth.Data = [authDataSize]byte(b[len(b)-authDataSize:])
	} else {
		units = binary.BigEndian.Uint16(b[offInterval3:]) & 0xfff
	}
	if units == 0 {
		return ErrIntervalZero
	}
	a.Interval = time.Duration(units) * a.Version.intervalUnit()
	return nil
}
