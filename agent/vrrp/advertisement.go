// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/checksum"
)

// Offsets and sizes of the packet (RFC 3768 section 5.1, RFC 9568 section 5.1). Both versions agree up to byte 3 and
// from byte 6.
const (
	headerSize      = 8
	offVRID         = 1
	offPriority     = 2
	offCount        = 3
	offAuthType     = 4 // version 2
	offInterval2    = 5 // version 2: one byte of seconds
	offInterval3    = 4 // version 3: four reserved bits, twelve bits of hundredths of a second
	offChecksum     = 6
	addressSize4    = 4
	addressSize6    = 16
	authDataSize    = 8 // follows the addresses in version 2, even when the type is 0
	typeAdvertise   = 1 // the only type (RFC 9568 section 5.2.2)
	maxAddressCount = 255
	// maxAddressCount6 is what goes into one packet of 1,500 bytes, behind an IPv6 header of 40.
	maxAddressCount6 = (1500 - 40 - headerSize) / addressSize6
)

// MaxAddresses is how many virtual addresses of a family an advertisement carries: 255 of IPv4 (RFC 9568 section 5.2.5), 90 of
// IPv6, so that it is one packet.
func MaxAddresses(family netip.Addr) int {
	if family.Is4() {
		return maxAddressCount
	}
	return maxAddressCount6
}

func addressSize(family netip.Addr) int {
	if family.Is4() {
		return addressSize4
	}
	return addressSize6
}

// Advertisement is the one message of VRRP: "I am Active for this virtual router".
type Advertisement struct {
	// Version decides the layout of the packet.
	Version Version
	// VRID is the virtual router identifier, 1 to 255.
	VRID uint8
	// Priority is the sender's, 1 to 255, or PriorityResign.
	Priority uint8
	// Interval is the time between the sender's advertisements: in version 2 whole seconds from 1 s to 255 s, in
	// version 3 hundredths of a second from 10 ms to 40.95 s.
	Interval time.Duration
	// Addresses are the virtual addresses, at most MaxAddresses, all of one family, in the sender's order.
	Addresses []netip.Addr
	// Auth is present in version 2 only; the zero value is "no authentication".
	Auth Authentication
	// Plain says that version 3 over IPv4 is sent with the checksum of RFC 9568, without pseudo-header. Parse leaves it.
	Plain bool
	// Unicast says that the packet came by unicast. AppendBinary ignores it.
	Unicast bool
}

// Size returns the number of bytes that AppendBinary appends.
func (a *Advertisement) Size() int {
	n := headerSize
	for _, address := range a.Addresses {
		n += addressSize(address)
	}
	if a.Version == Version2 {
		n += authDataSize
	}
	return n
}

// AppendBinary appends the packet, without IP header, as sent from src to dst; the two addresses enter the checksum of
// version 3. It does not allocate when b has room for Size more bytes. A value that the version's packet cannot carry is
// an error, and b is then returned unchanged.
func (a *Advertisement) AppendBinary(b []byte, src, dst netip.Addr) ([]byte, error) {
	if err := a.check(src, dst); err != nil {
		return b, fmt.Errorf("encode advertisement of virtual router %d: %w", a.VRID, err)
	}
	start := len(b)
	b = slices.Grow(b, a.Size())
	b = append(b, byte(a.Version)<<4|typeAdvertise, a.VRID, a.Priority, byte(len(a.Addresses)))
	units := a.Interval / a.Version.intervalUnit()
	if a.Version == Version2 {
		b = append(b, byte(a.Auth.Type), byte(units))
	} else {
		b = binary.BigEndian.AppendUint16(b, uint16(units))
	}
	b = append(b, 0, 0)
	for _, address := range a.Addresses {
		if address.Is4() {
			four := address.As4()
			b = append(b, four[:]...)
		} else {
			sixteen := address.As16()
			b = append(b, sixteen[:]...)
		}
	}
	if a.Version == Version2 {
		b = append(b, a.Auth.Data[:]...)
	}
	packet := b[start:]
	sum := checksum.Sum(0, packet)
	if a.Version == Version3 && (!a.Plain || src.Is6()) {
		sum = pseudoHeaderSum(sum, src, dst, len(packet))
	}
	binary.BigEndian.PutUint16(packet[offChecksum:], ^checksum.Fold(sum))
	return b, nil
}

// check refuses what the packet cannot carry. It is apart from Config.Validate because a packet may say what no
// configuration may, such as priority 0.
func (a *Advertisement) check(src, dst netip.Addr) error {
	unit := a.Version.intervalUnit()
	switch {
	case unit == 0:
		return fmt.Errorf("version %d: want 2 or 3", a.Version)
	case a.VRID == 0:
		return errors.New("virtual router id 0: want 1 to 255")
	case a.Interval < unit || a.Interval > a.Version.maxInterval() || a.Interval%unit != 0:
		return fmt.Errorf("interval %s: version %d carries multiples of %s up to %s",
			a.Interval, a.Version, unit, a.Version.maxInterval())
	case !src.IsValid() || !dst.IsValid() || src.Is4() != dst.Is4():
		return fmt.Errorf("from %s to %s: want two addresses of one family", src, dst)
	case a.Version == Version2 && src.Is6():
		return errors.New("version 2 over IPv6: want version 3")
	case len(a.Addresses) > MaxAddresses(src):
		return fmt.Errorf("%d addresses: a packet carries at most %d", len(a.Addresses), MaxAddresses(src))
	case a.Version == Version3 && len(a.Addresses) == 0:
		return errors.New("no addresses: version 3 requires at least one")
	case a.Version == Version3 && a.Auth != Authentication{}:
		return errors.New("authentication: version 3 has none")
	}
	for _, address := range a.Addresses {
		if address.Is4() != src.Is4() {
			return fmt.Errorf("virtual address %s: want the family of the sender %s", address, src)
		}
	}
	return nil
}
