// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
)

// The packet was captured from keepalived 2.2.7, which announced 192.0.2.200 at 06:7d:a5:82:46:10.
func TestAGratuitousARPIsWhatKeepalivedSends(t *testing.T) {
	want := strings.ReplaceAll("0001 0800 0604 0001 067d a582 4610 c000 02c8 ffff ffff ffff c000 02c8", " ", "")
	var packet [arpSize]byte
	for i := range packet {
		packet[i] = 0xaa // what was announced before
	}
	putGratuitousARP(&packet, hardwareAddress{0x06, 0x7d, 0xa5, 0x82, 0x46, 0x10}, broadcast, netip.MustParseAddr("192.0.2.200"))
	if got := hex.EncodeToString(packet[:]); got != want {
		t.Errorf("RFC 826 packet:\n got %s\nwant %s", got, want)
	}
}
