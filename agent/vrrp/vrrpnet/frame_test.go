// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// What keepalived sent as an IP packet (see keepalivedPacket), as a whole frame from the virtual MAC address. The header differs in
// what RFC 791 leaves to the sender, identification and fragmentation; the message does not.
func TestAnAdvertisementFromTheVirtualMACAddressIsAWholeFrame(t *testing.T) {
	c := vrrp.Config{
		Version: vrrp.Version3, VRID: 66, Priority: 100, Interval: 100 * time.Millisecond, VirtualMAC: true,
		Source: netip.MustParseAddr("192.0.2.114"), Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.200"), netip.MustParseAddr("192.0.2.201")},
	}
	instance, err := vrrp.NewInstance(c)
	if err != nil {
		t.Fatal(err)
	}
	var o outgoing
	for range 2 { // the second time over what is there
		if err := o.prepare(instance.Advertisement(), c, 7); err != nil {
			t.Fatal(err)
		}
	}
	want := strings.ReplaceAll("0100 5e00 0012 0000 5e00 0142 0800"+ // RFC 1112 section 6.4, RFC 9568 section 7.3
		"45c0 0024 0000 4000 ff70 d824 c000 0272 e000 0012 3142 6402 000a 4219 c000 02c8 c000 02c9", " ", "")
	if got := hex.EncodeToString(o.packet); got != want || len(o.to) != 1 || !o.framed {
		t.Errorf("to %d targets, framed %t\n got %s\nwant %s", len(o.to), o.framed, got, want)
	}
}

func TestAnAdvertisementOfIPv6FromTheVirtualMACAddressIsAWholeFrame(t *testing.T) {
	c := vrrp.Config{
		Version: vrrp.Version3, VRID: 66, Priority: 100, Interval: 100 * time.Millisecond, VirtualMAC: true,
		Source: netip.MustParseAddr("fe80::114"), Addresses: []netip.Addr{vrrp.LinkLocal(66)},
	}
	instance, err := vrrp.NewInstance(c)
	if err != nil {
		t.Fatal(err)
	}
	frame, err := appendFrame(nil, instance.Advertisement(), hardwareAddress(vrrp.VirtualMAC(c.Family(), c.VRID)), c.Source)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll("3333 0000 0012 0000 5e00 0242 86dd"+ // RFC 2464 section 7, RFC 9568 section 7.3
		"6c00 0000 0018 70ff fe80 0000 0000 0000 0000 0000 0000 0114 ff02 0000 0000 0000 0000 0000 0000 0012"+
		"3142 6401 000a", " ", "")
	got := hex.EncodeToString(frame)
	if !strings.HasPrefix(got, want) {
		t.Errorf("\n got %s\nwant %s...", got, want)
	}
	var a vrrp.Advertisement
	envelope := vrrp.Envelope{Source: c.Source, Destination: vrrp.Group(c.Source), TTL: vrrp.TTL}
	if err := a.Parse(frame[ethernetHeader+ipv6Header:], envelope); err != nil || a.VRID != 66 {
		t.Errorf("the message is read as %+v: %v", a, err)
	}
}

// RFC 9568 section 6.4.2: the virtual MAC address is the sender's, and the target's.
func TestAGratuitousARPOfAVirtualMACAddressNamesItTwice(t *testing.T) {
	r := &router{thread: &thread{link: link{hardware: hardwareAddress{2}}}, config: vrrp.Config{
		VRID: 66, VirtualMAC: true, Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.200")}}}
	want := hardwareAddress{0, 0, 0x5e, 0, 1, 66}
	if hardware, target := r.hardware(); hardware != want || target != want {
		t.Errorf("from %x, target %x, want %x", hardware, target, want)
	}
	r.config.VirtualMAC = false
	if hardware, target := r.hardware(); hardware != (hardwareAddress{2}) || target != broadcast {
		t.Errorf("without: from %x, target %x", hardware, target)
	}
}
