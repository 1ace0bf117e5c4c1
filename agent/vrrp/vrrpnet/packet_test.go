// SPDX-License-Identifier: Apache-2.0

package vrrpnet

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/bpf"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// keepalivedPacket was captured from keepalived 2.2.7, virtual router 66 (0x42), IPv4 header first.
const keepalivedPacket = "45c0 0024 0001 0000 ff70 1824 c000 0272 e000 0012 3142 6402 000a 4219 c000 02c8 c000 02c9"

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTheIPHeaderIsReadAndTakenOff(t *testing.T) {
	want := vrrp.Envelope{Source: netip.MustParseAddr("192.0.2.114"), Destination: vrrp.Group(netip.IPv4Unspecified()), TTL: 255}
	for name, c := range map[string]struct {
		packet  string
		payload string
		err     error
	}{
		"keepalived's":             {keepalivedPacket, "3142 6402 000a 4219 c000 02c8 c000 02c9", nil},
		"with four bytes options":  {"46c0 001c 0001 0000 ff70 1824 c000 0272 e000 0012 9404 0000 3142 6402", "3142 6402", nil},
		"with bytes after its end": {"45c0 0018 0001 0000 ff70 1824 c000 0272 e000 0012 3142 6402 dead", "3142 6402", nil},
		"empty":                    {"", "", vrrp.ErrTruncated},
		"half a header":            {"45c0 0024 0001 0000", "", vrrp.ErrTruncated},
		"IPv6":                     {"65c0 0018 0001 0000 ff70 1824 c000 0272 e000 0012 3142 6402", "", vrrp.ErrTruncated},
		"header length 16":         {"44c0 0018 0001 0000 ff70 1824 c000 0272 e000 0012 3142 6402", "", vrrp.ErrTruncated},
		"cut":                      {"45c0 0024 0001 0000 ff70 1824 c000 0272 e000 0012 3142 6402", "", vrrp.ErrTruncated},
		"shorter than its header":  {"46c0 0015 0001 0000 ff70 1824 c000 0272 e000 0012 3142 6402", "", vrrp.ErrTruncated},
	} {
		t.Run(name, func(t *testing.T) {
			envelope, payload, err := splitIPv4(unhex(t, c.packet))
			if !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if err != nil {
				return
			}
			if envelope != want {
				t.Errorf("envelope %+v, want %+v", envelope, want)
			}
			if got := hex.EncodeToString(payload); got != strings.ReplaceAll(c.payload, " ", "") {
				t.Errorf("payload %s, want %s", got, c.payload)
			}
		})
	}
}

func TestTheFilterKeepsOutWhatGoesToOthers(t *testing.T) {
	for name, c := range map[string]struct {
		packet string
		pass   bool
	}{
		"to the group":          {keepalivedPacket, true},
		"with options":          {"46c0 001c 0001 0000 ff70 1824 c000 0272 e000 0012 9404 0000 3142 6402", true},
		"to one address":        {"45c0 0018 0001 0000 ff70 1824 c000 0272 c000 0270 3142 6402", true},
		"to another group":      {"45c0 0018 0001 0000 ff70 1824 c000 0272 e000 0013 3142 6402", false},
		"to everybody":          {"45c0 0018 0001 0000 ff70 1824 c000 0272 ffff ffff 3142 6402", false},
		"cut before the target": {"45c0 0018 0001 0000 ff70 1824 c000 0272", false},
	} {
		t.Run(name, func(t *testing.T) {
			vm, err := bpf.NewVM(filter4())
			if err != nil {
				t.Fatal(err)
			}
			n, err := vm.Run(unhex(t, c.packet))
			if err != nil {
				t.Fatal(err)
			}
			if (n > 0) != c.pass {
				t.Errorf("the filter keeps %d bytes, want it to pass: %t", n, c.pass)
			}
		})
	}
}
