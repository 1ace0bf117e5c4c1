// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

func address(t *testing.T, prefix string, flags int, scope int) netlink.Addr {
	t.Helper()
	a, err := netlink.ParseAddr(prefix)
	if err != nil {
		t.Fatal(err)
	}
	a.Flags, a.Scope = flags, scope
	return *a
}

func TestTheSourceIsThePrimaryAddressAndNeverAVirtualOne(t *testing.T) {
	leftover := address(t, "192.0.2.200/32", 0, unix.RT_SCOPE_UNIVERSE)
	linkScope := address(t, "192.0.2.9/24", 0, unix.RT_SCOPE_LINK)
	secondary := address(t, "192.0.2.10/24", unix.IFA_F_SECONDARY, unix.RT_SCOPE_UNIVERSE)
	first := address(t, "192.0.2.114/24", 0, unix.RT_SCOPE_UNIVERSE)
	second := address(t, "198.51.100.1/24", 0, unix.RT_SCOPE_UNIVERSE)
	virtual := netip.MustParseAddr("192.0.2.200")
	for _, c := range []struct {
		name     string
		on       []netlink.Addr
		source   string // configured
		previous string
		owner    bool
		want     string // or a part of the error
	}{
		{name: "the only one", on: []netlink.Addr{first}, want: "192.0.2.114"},
		{name: "the first of two", on: []netlink.Addr{first, second}, want: "192.0.2.114"},
		{name: "the one in use stays", on: []netlink.Addr{first, second}, previous: "198.51.100.1", want: "198.51.100.1"},
		{name: "the one in use is gone", on: []netlink.Addr{first}, previous: "198.51.100.1", want: "192.0.2.114"},
		{name: "a leftover virtual address comes first", on: []netlink.Addr{leftover, first}, want: "192.0.2.114"},
		{name: "link scope and secondary come first", on: []netlink.Addr{linkScope, secondary, first}, want: "192.0.2.114"},
		{name: "only a leftover", on: []netlink.Addr{leftover}, want: "add one"},
		{name: "the owner's address is the virtual one", on: []netlink.Addr{leftover}, owner: true, want: "192.0.2.200"},
		{name: "none", want: "add one"},
		{name: "the configured one", on: []netlink.Addr{first, secondary}, source: "192.0.2.10", want: "192.0.2.10"},
		{name: "the configured one is missing", on: []netlink.Addr{first}, source: "192.0.2.99", want: "lacks the source address 192.0.2.99"},
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
			got, err := primary(c.on, config, previous)
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
			if got := concerns(c.messages, c.index, c.source); got != c.want {
				t.Errorf("concerned: %t, want %t", got, c.want)
			}
		})
	}
}
