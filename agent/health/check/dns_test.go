// SPDX-License-Identifier: Apache-2.0

package check_test

import (
	"strings"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

func TestDNSSettings(t *testing.T) {
	good := check.DNS{Name: "www.example.com", Type: "A", Protocol: "UDP"}
	for _, tc := range []struct {
		name, want string
		change     func(*check.DNS)
	}{
		{"good", "passed", func(*check.DNS) {}},
		{"root", "passed", func(c *check.DNS) { c.Name, c.Type, c.Protocol = ".", "SOA", "TCP" }},
		{"longest name", "passed", func(c *check.DNS) { c.Name = strings.Repeat("a.", 127) }},
		{"name that is too long", `name "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.": want a domain name, for example www.example.com`,
			func(c *check.DNS) { c.Name = strings.Repeat("a.", 127) + "b" }},
		{"no name", `name "": want a domain name, for example www.example.com`, func(c *check.DNS) { c.Name = "" }},
		{"empty label", `name "a..b": want a domain name, for example www.example.com`, func(c *check.DNS) { c.Name = "a..b" }},
		{"type", `type "ANY": want one of A, AAAA, CNAME, MX, NS, PTR, SOA, SRV, TXT`, func(c *check.DNS) { c.Type = "ANY" }},
		{"protocol", `protocol "": want UDP or TCP`, func(c *check.DNS) { c.Protocol = "" }},
		{"address", "passed", func(c *check.DNS) { c.Answer = "192.0.2.1" }},
		{"address of the other family", `answer "2001:db8::1": want an IPv4 address for type A`, func(c *check.DNS) { c.Answer = "2001:db8::1" }},
		{"no address", `answer "a.example": want an IPv6 address for type AAAA`, func(c *check.DNS) { c.Type, c.Answer = "AAAA", "a.example" }},
		{"two lines", `answer "a\nb": want at most 512 bytes of printable ASCII`, func(c *check.DNS) { c.Type, c.Answer = "TXT", "a\nb" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := good
			tc.change(&c)
			if got := verdict(c.Validate()); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}
