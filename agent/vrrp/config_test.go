// SPDX-License-Identifier: Apache-2.0

package vrrp_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

// tutorial is the guide's master director: version 2, one second, a password.
func tutorial() vrrp.Config {
	return vrrp.Config{Version: vrrp.Version2, VRID: 66, Priority: 100, Interval: time.Second, Preempt: true,
		Addresses: vips, Password: vrrp.NewPassword("1111"), Source: master}
}

// fast is the same in version 3, every 50 ms.
func fast() vrrp.Config {
	c := tutorial()
	c.Version, c.Interval, c.Password = vrrp.Version3, 50*time.Millisecond, vrrp.Password{}
	return c
}

func TestAConfigurationThatVRRPForbidsSaysWhatIsAllowed(t *testing.T) {
	for _, c := range []struct {
		name   string
		config vrrp.Config
		change func(*vrrp.Config)
		says   string
	}{
		{"version 1", fast(), func(c *vrrp.Config) { c.Version = 1 }, "VRRP version 1: want 2 or 3"},
		{"router id 0", fast(), func(c *vrrp.Config) { c.VRID = 0 }, "virtual router id 0: want 1 to 255"},
		{"priority 0", fast(), func(c *vrrp.Config) { c.Priority = 0 }, "priority 0: want 1 to 255"},
		{"no interval", fast(), func(c *vrrp.Config) { c.Interval = 0 }, "a multiple of 10ms, at most 40.95s"},
		{"15 ms", fast(), func(c *vrrp.Config) { c.Interval = 15 * time.Millisecond }, "a multiple of 10ms, at most 40.95s"},
		{"41 s in version 3", fast(), func(c *vrrp.Config) { c.Interval = 41 * time.Second }, "a multiple of 10ms, at most 40.95s"},
		{"half a second in version 2", tutorial(), func(c *vrrp.Config) { c.Interval = time.Second / 2 }, "a multiple of 1s, at most 4m15s"},
		{"a password in version 3", fast(), func(c *vrrp.Config) { c.Password = vrrp.NewPassword("x") }, "version 3 has no authentication"},
		{"a password of 9 bytes", tutorial(), func(c *vrrp.Config) { c.Password = vrrp.NewPassword("123456789") }, "at most 8"},
		{"no address", fast(), func(c *vrrp.Config) { c.Addresses = nil }, "no virtual addresses: want at least 1"},
		{"256 addresses", fast(), func(c *vrrp.Config) { c.Addresses = slices.Repeat(vips, 128) }, "want 1 to 255"},
		{"an IPv6 address", fast(), func(c *vrrp.Config) { c.Addresses = []netip.Addr{netip.MustParseAddr("2001:db8::1")} }, "first virtual address 2001:db8::1: want a link-local one, such as fe80::200:5eff:fe00:242"},
		{"IPv6 in version 2", tutorial(), func(c *vrrp.Config) { c.Addresses = vips6 }, "want version 3"},
		{"both families", fast(), func(c *vrrp.Config) { c.Source, c.Addresses = netip.Addr{}, []netip.Addr{vips6[0], vips[0]} }, "virtual address 192.0.2.200: want an IPv6 unicast address"},
		{"91 addresses of IPv6", fast(), func(c *vrrp.Config) { c.Addresses = slices.Repeat(vips6[:1], 91) }, "want 1 to 90"},
		{"a global source over IPv6", fast(), func(c *vrrp.Config) { c.Addresses, c.Source = vips6, netip.MustParseAddr("2001:db8::1") }, "want a link-local one"},
		{"a peer of the other family", fast(), func(c *vrrp.Config) { c.Peers = vips6[:1] }, "unicast peer fe80::200:5eff:fe00:242: want an IPv4 unicast address"},
		{"a peer twice", fast(), func(c *vrrp.Config) { c.Peers = []netip.Addr{brucelee, brucelee} }, "unicast peer 192.0.2.112 is listed twice"},
		{"a virtual MAC address and peers", fast(), func(c *vrrp.Config) { c.VirtualMAC, c.Peers = true, []netip.Addr{brucelee} }, "want multicast"},
		{"a delay below 0", fast(), func(c *vrrp.Config) { c.PreemptDelay = -1 }, "want 0 to 16m40s"},
		{"announced 65 times", fast(), func(c *vrrp.Config) { c.Announcements.Repeat = 65 }, "want 1 to 64"},
		{"refreshed all the time", fast(), func(c *vrrp.Config) { c.Announcements.Refresh = 1 }, "want 1s to 24h0m0s"},
		{"a multicast address", fast(), func(c *vrrp.Config) { c.Addresses = []netip.Addr{vrrp.Group(master)} }, "224.0.0.18: want an IPv4 unicast"},
		{"an address twice", fast(), func(c *vrrp.Config) { c.Addresses = []netip.Addr{vips[0], vips[0]} }, "192.0.2.200 is listed twice"},
		{"an IPv6 source", fast(), func(c *vrrp.Config) { c.Source = netip.MustParseAddr("2001:db8::1") }, "source address 2001:db8::1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.config.Validate(); err != nil {
				t.Fatalf("before the change: %v", err)
			}
			c.change(&c.config)
			err := c.config.Validate()
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("Validate = %v, want it to say %q", err, c.says)
			}
			if _, err := vrrp.NewInstance(c.config); err == nil {
				t.Error("NewInstance accepts it")
			}
		})
	}
}

func TestThePasswordIsNeverShown(t *testing.T) {
	const secret = "s3cr3t"
	c := tutorial()
	c.Password = vrrp.NewPassword(secret)
	instance, err := vrrp.NewInstance(c)
	if err != nil {
		t.Fatal(err)
	}
	hidden := struct{ inner vrrp.Config }{c}
	advertisement := instance.Advertisement()
	var logged strings.Builder
	for _, handler := range []slog.Handler{slog.NewTextHandler(&logged, nil), slog.NewJSONHandler(&logged, nil)} {
		slog.New(handler).Info("x", "password", c.Password, "auth", advertisement.Auth, "config", c, "instance", instance)
	}
	encoded, err := json.Marshal([]any{c, advertisement, c.Password})
	if err != nil {
		t.Fatal(err)
	}
	bytesOf := fmt.Sprintf("%d", []byte(secret))
	for name, shown := range map[string]string{
		"log": logged.String(), "JSON": string(encoded),
		"%v":  fmt.Sprintf("%v %v %v %v %v", c, &c, hidden, advertisement, instance),
		"%+v": fmt.Sprintf("%+v %+v %+v %+v %+v", c, &c, hidden, advertisement, instance),
		"%#v": fmt.Sprintf("%#v %#v %#v %#v %#v", c, &c, hidden, advertisement, instance),
		"%x":  fmt.Sprintf("%x %d %s %q", c.Password, advertisement.Auth, c.Password, c.Password),
	} {
		for _, leak := range []string{secret, bytesOf[1 : len(bytesOf)-1], fmt.Sprintf("%x", secret), "0x73, 0x33"} {
			if strings.Contains(shown, leak) {
				t.Errorf("%s shows the password: %s", name, shown)
			}
		}
	}
	if vrrp.NewPassword(secret) != c.Password || vrrp.NewPassword("") != (vrrp.Password{}) {
		t.Error("equal passwords must compare equal")
	}
}

func TestEqualSeesEveryField(t *testing.T) {
	for name, change := range map[string]func(*vrrp.Config){
		"version": func(c *vrrp.Config) { c.Version = 3 }, "id": func(c *vrrp.Config) { c.VRID++ },
		"priority": func(c *vrrp.Config) { c.Priority++ }, "interval": func(c *vrrp.Config) { c.Interval *= 2 },
		"preempt": func(c *vrrp.Config) { c.Preempt = false }, "addresses": func(c *vrrp.Config) { c.Addresses = vips[:1] },
		"password":    func(c *vrrp.Config) { c.Password = vrrp.NewPassword("2222") },
		"virtual MAC": func(c *vrrp.Config) { c.VirtualMAC = true },
		"source":      func(c *vrrp.Config) { c.Source = brucelee },
	} {
		a, b := tutorial(), tutorial()
		if !a.Equal(b) {
			t.Fatal("equal configurations differ")
		}
		change(&b)
		if a.Equal(b) {
			t.Errorf("a change of %s is not seen", name)
		}
	}
}

func TestNamesForMetricsAndLogs(t *testing.T) {
	seen := map[string]bool{}
	for d := vrrp.Discard(0); d < vrrp.DiscardLimit; d++ {
		if name := d.String(); name == "" || seen[name] {
			t.Errorf("reason %d is named %q", d, name)
		}
		seen[d.String()] = true
	}
	for got, want := range map[string]string{
		vrrp.DiscardLimit.String(): "unknown", vrrp.State(9).String(): "unknown",
		vrrp.ErrTTL.Error(): "advertisement discarded: ttl", vrrp.Actions(0).String(): "nothing",
		vrrp.Authentication{Type: 2}.String(): "type 2 (redacted)", vrrp.Password{}.String(): "(none)",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
