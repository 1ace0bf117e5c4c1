// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
)

// RFC 4861 section 4.4, RFC 9568 section 6.4.2: router and override are set, solicited is not. The checksum was computed by hand.
func TestANeighbourAdvertisementSaysWhereAnAddressIs(t *testing.T) {
	var packet [naSize]byte
	putNeighbourAdvertisement(&packet, hardwareAddress{2, 0, 0, 0, 0, 1}, netip.MustParseAddr("2001:db8::200"))
	want := strings.ReplaceAll("6000 0000 0020 3aff"+
		"2001 0db8 0000 0000 0000 0000 0000 0200 ff02 0000 0000 0000 0000 0000 0000 0001"+
		"8800 ffff a000 0000 2001 0db8 0000 0000 0000 0000 0000 0200 0201 0200 0000 0001", " ", "")
	got := hex.EncodeToString(packet[:])
	// All but the checksum is spelt out; that the kernel of another host takes it is a kernel test.
	if got[:84] != want[:84] || got[88:] != want[88:] {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	sum := uint32(0x3a + 0x20)
	for i := 8; i < naSize; i += 2 {
		sum += uint32(packet[i])<<8 | uint32(packet[i+1])
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	if sum != 0xffff {
		t.Errorf("the packet sums to %#x, want 0xffff (RFC 4443 section 2.3)", sum)
	}
}
