// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

func primary(text string) linkAddress {
	return linkAddress{Addr: netip.MustParseAddr(text), primary: true}
}

func TestTheSourceIsThePrimaryAddressAndNeverAVirtualOne(t *testing.T) {
	leftover := primary("192.0.2.200")
	marked := linkAddress{Addr: netip.MustParseAddr("192.0.2.200"), primary: true, virtual: true}
	another := linkAddress{Addr: netip.MustParseAddr("192.0.2.201"), primary: true, virtual: true}
	notPrimary := linkAddress{Addr: netip.MustParseAddr("192.0.2.9")}
	first, second := primary("192.0.2.114"), primary("198.51.100.1")
	virtual := netip.MustParseAddr("192.0.2.200")
	for _, c := range []struct {
		name     string
		on       []linkAddress
		source   string // configured
		previous string
		owner    bool
		want     string // or a part of the error
	}{
		{name: "the only one", on: []linkAddress{first}, want: "192.0.2.114"},
		{name: "the first of two", on: []linkAddress{first, second}, want: "192.0.2.114"},
		{name: "the one in use stays", on: []linkAddress{first, second}, previous: "198.51.100.1", want: "198.51.100.1"},
		{name: "the one in use is gone", on: []linkAddress{first}, previous: "198.51.100.1", want: "192.0.2.114"},
		{name: "a leftover virtual address comes first", on: []linkAddress{leftover, first}, want: "192.0.2.114"},
		{name: "another router's address comes first", on: []linkAddress{another, first}, want: "192.0.2.114"},
		{name: "another router's address is in use", on: []linkAddress{another, first}, previous: "192.0.2.201", want: "192.0.2.114"},
		{name: "only another router's address", on: []linkAddress{another}, want: "add one"},
		{name: "the owner does not send from another router's address", on: []linkAddress{another, first}, owner: true, want: "192.0.2.114"},
		{name: "link scope or secondary comes first", on: []linkAddress{notPrimary, first}, want: "192.0.2.114"},
		{name: "only a leftover", on: []linkAddress{leftover}, want: "add one"},
		{name: "the owner's address is the virtual one", on: []linkAddress{leftover}, owner: true, want: "192.0.2.200"},
		{name: "the owner's address is marked", on: []linkAddress{marked}, owner: true, want: "192.0.2.200"},
		{name: "none", want: "add one"},
		{name: "the configured one", on: []linkAddress{first, notPrimary}, source: "192.0.2.9", want: "192.0.2.9"},
		{name: "the configured one is missing", on: []linkAddress{first}, source: "192.0.2.99", want: "lacks the source address 192.0.2.99"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := vrrp.Config{Addresses: []netip.Addr{virtual}, Priority: 100}
			if c.owner {
				config.Priority = vrrp.PriorityOwner
			}
			if c.source != "" {
				config.Source = netip.MustParseAddr(c.source)
			}
			previous, _ := netip.ParseAddr(c.previous)
			got, err := chooseSource(c.on, config, previous)
			if err != nil {
				if !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %q, want it to say %q", err, c.want)
				}
				return
			}
			if got.String() != c.want {
				t.Errorf("source %s, want %s", got, c.want)
			}
		})
	}
}

func TestOurMarkTellsAVirtualAddress(t *testing.T) {
	const eth0, long = "eth0", "enp129s0f0np0"
	for _, c := range []struct {
		name       string
		on         string
		flags      byte
		scope      byte
		attributes []byte
		want       linkAddress
	}{
		{name: "the node's own", on: eth0, attributes: attribute(unix.IFA_LABEL, eth0+"\x00"), want: linkAddress{primary: true}},
		{name: "the label", on: eth0, attributes: attribute(unix.IFA_LABEL, "eth0:lvs\x00"), want: linkAddress{primary: true, virtual: true}},
		{name: "the protocol", on: long, attributes: attribute(ifaProto, "\x4c"), want: linkAddress{primary: true, virtual: true}},
		{name: "both", on: eth0, attributes: append(attribute(ifaProto, "\x4c"), attribute(unix.IFA_LABEL, "eth0\x00")...), want: linkAddress{primary: true, virtual: true}},
		{name: "keepalived's protocol", on: eth0, attributes: attribute(ifaProto, "\x12"), want: linkAddress{primary: true}},
		{name: "no label where ours does not fit", on: long, attributes: attribute(unix.IFA_LABEL, "\x00"), want: linkAddress{primary: true}},
		{name: "secondary", on: eth0, flags: unix.IFA_F_SECONDARY},
		{name: "of link scope", on: eth0, scope: unix.RT_SCOPE_LINK},
	} {
		t.Run(c.name, func(t *testing.T) {
			whole := message(unix.RTM_NEWADDR, 7, "192.0.2.114")[unix.SizeofNlMsghdr:]
			whole[2], whole[3] = c.flags, c.scope
			got, about, err := decodeAddress(append(whole, c.attributes...), c.on)
			c.want.Addr = netip.MustParseAddr("192.0.2.114")
			if err != nil || about != 7 || got != c.want {
				t.Errorf("got %+v of %d, %v, want %+v of 7", got, about, err, c.want)
			}
		})
	}
	if _, _, err := decodeAddress([]byte{2, 24, 0}, eth0); err == nil {
		t.Error("a cut message is no address")
	}
}

// attribute is a netlink attribute, padded to 4 bytes.
func attribute(kind uint16, value string) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(unix.SizeofRtAttr+len(value)))
	b = append(binary.NativeEndian.AppendUint16(b, kind), value...)
	return append(b, make([]byte, -len(b)&(unix.NLA_ALIGNTO-1))...)
}

// message is a netlink message about the interface with that index, with an IFA_LOCAL attribute if address is not empty.
func message(kind uint16, index int, local string) []byte {
	body := make([]byte, 16) // ifinfomsg
	if kind == unix.RTM_NEWADDR || kind == unix.RTM_DELADDR {
		body = make([]byte, unix.SizeofIfAddrmsg)
	}
	binary.NativeEndian.PutUint32(body[4:], uint32(index))
	if local != "" {
		for _, attribute := range []uint16{unix.IFA_BROADCAST, unix.IFA_LOCAL} {
			four := netip.MustParseAddr(local).As4()
			if attribute == unix.IFA_BROADCAST {
				four[3] = 255
			}
			body = binary.NativeEndian.AppendUint16(body, unix.SizeofRtAttr+4)
			body = binary.NativeEndian.AppendUint16(body, attribute)
			body = append(body, four[:]...)
		}
	}
	head := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(body)))
	head = binary.NativeEndian.AppendUint16(head, kind)
	return append(append(head, make([]byte, unix.SizeofNlMsghdr-len(head))...), body...)
}

func TestOnlyWhatConcernsTheInterfaceMakesTheThreadLook(t *testing.T) {
	source := netip.MustParseAddr("192.0.2.114")
	for _, c := range []struct {
		name     string
		messages []byte
		index    int
		source   netip.Addr
		want     bool
	}{
		{"our link changes", message(unix.RTM_NEWLINK, 7, ""), 7, source, true},
		{"our link is deleted", message(unix.RTM_DELLINK, 7, ""), 7, source, true},
		{"a pod's link comes", message(unix.RTM_NEWLINK, 8, ""), 7, source, false},
		{"a link comes while ours is missing", message(unix.RTM_NEWLINK, 8, ""), 0, netip.Addr{}, true},
		{"a virtual address comes", message(unix.RTM_NEWADDR, 7, "192.0.2.200"), 7, source, false},
		{"a virtual address goes", message(unix.RTM_DELADDR, 7, "192.0.2.200"), 7, source, false},
		{"the source goes", message(unix.RTM_DELADDR, 7, "192.0.2.114"), 7, source, true},
		{"the source goes from another interface", message(unix.RTM_DELADDR, 8, "192.0.2.114"), 7, source, false},
		{"an address comes while there is none", message(unix.RTM_NEWADDR, 7, "192.0.2.114"), 7, netip.Addr{}, true},
		{"the second of two messages", append(message(unix.RTM_NEWLINK, 8, ""), message(unix.RTM_NEWLINK, 7, "")...), 7, source, true},
		{"a damaged message", []byte(strings.Repeat("\xff", 32)), 7, source, true},
		{"nothing", nil, 7, source, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			about := concern{source: func(a netip.Addr) bool { return c.source.IsValid() && a == c.source }, wanted: !c.source.IsValid()}
			if got := concerns(c.messages, c.index, about); got != c.want {
				t.Errorf("concerned: %t, want %t", got, c.want)
			}
		})
	}
}
