// SPDX-License-Identifier: Apache-2.0

package mark_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/mark"
)

func prefixes(texts ...string) []netip.Prefix {
	var parsed []netip.Prefix
	for _, text := range texts {
		parsed = append(parsed, netip.MustParsePrefix(text))
	}
	return parsed
}

func rule(value uint32, destinations ...string) mark.Rule {
	parsed := prefixes(destinations...)
	return mark.Rule{Mark: value, Family: ipvs.FamilyOf(parsed[0].Addr()), Destinations: parsed}
}

// virtual is a rule for virtual IPs.
func virtual(value uint32, destinations ...string) mark.Rule {
	r := rule(value, destinations...)
	r.VirtualIPs = true
	return r
}

func prints(rules []mark.Rule) string {
	var lines []string
	for _, r := range rules {
		lines = append(lines, r.String())
	}
	return strings.Join(lines, "\n")
}

func TestRulePrintsAsNftDoes(t *testing.T) {
	cases := map[string]mark.Rule{
		`ip daddr 198.51.100.0/24 fib daddr type != local meta mark set 0x00000001 accept`: rule(1, "198.51.100.0/24"),
		`ip daddr 192.0.2.10 fib daddr type != local meta mark set 0x00000001 accept`:      rule(1, "192.0.2.10/32"),
		`ip daddr 192.0.2.10 meta mark set 0xffffffff accept`:                              virtual(4294967295, "192.0.2.10/32"),
		`meta nfproto ipv6 fib daddr type != local meta mark set 0x00000002 accept`:        rule(2, "::/0"),
		`ip6 daddr { 2001:db8::1, 2001:db8::2 } meta mark set 0x00000003 accept`:           virtual(3, "2001:db8::1/128", "2001:db8::2/128"),
		`iifname "eth0" ip daddr 192.0.2.10 ip saddr 198.51.100.0/25 tcp dport { 80, 8000-8080 } meta mark set 0x00000004 accept`: {
			Mark: 4, Family: ipvs.IPv4, Destinations: prefixes("192.0.2.10/32"), VirtualIPs: true, Sources: prefixes("198.51.100.0/25"),
			Protocol: ipvs.TCP, Ports: []mark.PortRange{{First: 80, Last: 80}, {First: 8000, Last: 8080}}, Interface: "eth0",
		},
	}
	for want, r := range cases {
		if err := r.Validate(); err != nil {
			t.Error(err)
		}
		if got := r.String(); got != want {
			t.Errorf("got\n%s, want\n%s", got, want)
		}
	}
}

func TestCanonicalFormSaysTheSameInOneWay(t *testing.T) {
	given := []mark.Rule{{
		Mark: 7, Family: ipvs.IPv4,
		Destinations: prefixes("198.51.100.128/25", "192.0.2.11/32", "198.51.100.7/24", "192.0.2.10/32", "198.51.100.0/25", "192.0.2.10/32"),
		Sources:      prefixes("0.0.0.0/1", "128.0.0.0/1"),
		Protocol:     ipvs.UDP,
		Ports:        []mark.PortRange{{First: 90, Last: 99}, {First: 80, Last: 80}, {First: 81, Last: 89}, {First: 65535, Last: 65535}, {First: 95, Last: 96}},
	}, rule(5, "2001:db8::/32"), rule(5, "2001:db8::/33", "2001:db8:8000::/33", "2001:db8::/32"),
		virtual(6, "192.0.2.11/32", "192.0.2.10/32", "192.0.2.11/32"), rule(6, "192.0.2.11/32")}
	before := prints(given)
	want := `ip6 daddr 2001:db8::/32 fib daddr type != local meta mark set 0x00000005 accept
ip daddr { 192.0.2.10, 192.0.2.11 } meta mark set 0x00000006 accept
ip daddr 192.0.2.11 fib daddr type != local meta mark set 0x00000006 accept
ip daddr { 192.0.2.10/31, 198.51.100.0/24 } udp dport { 80-99, 65535 } fib daddr type != local meta mark set 0x00000007 accept`
	canonical := mark.Canonical(given)
	if diff := cmp.Diff(want, prints(canonical)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if prints(given) != before {
		t.Error("the rules given were changed")
	}
	for range 20 {
		rand.Shuffle(len(given), func(i, j int) { given[i], given[j] = given[j], given[i] })
		rand.Shuffle(6, func(i, j int) {
			at := slices.IndexFunc(given, func(r mark.Rule) bool { return r.Mark == 7 })
			given[at].Destinations[i], given[at].Destinations[j] = given[at].Destinations[j], given[at].Destinations[i]
		})
		if again := prints(mark.Canonical(given)); again != want {
			t.Fatalf("in another order:\n%s", again)
		}
	}
	if again := mark.Canonical(canonical); prints(again) != want {
		t.Errorf("made canonical again:\n%s", prints(again))
	}
}

func TestRulesForVirtualIPsAndForOthersAreNotTheSame(t *testing.T) {
	ours, others := virtual(1, "192.0.2.10/32"), rule(1, "192.0.2.10/32")
	if ours.Equal(others) || others.Compare(ours) >= 0 || ours.Compare(others) <= 0 {
		t.Errorf("%s\nand\n%s\nare not told apart", ours, others)
	}
	if both := mark.Canonical([]mark.Rule{ours, others, ours}); len(both) != 2 {
		t.Errorf("canonical form has\n%s", prints(both))
	}
}

func TestRuleThatNoKernelCouldTakeIsRefused(t *testing.T) {
	broken := func(change func(*mark.Rule)) mark.Rule {
		r := rule(1, "192.0.2.10/32")
		change(&r)
		return r
	}
	for want, r := range map[string]mark.Rule{
		"no mark":             broken(func(r *mark.Rule) { r.Mark = 0 }),
		"address family 7":    broken(func(r *mark.Rule) { r.Family = 7 }),
		"no destination":      broken(func(r *mark.Rule) { r.Destinations = nil }),
		"no network of IPv4":  broken(func(r *mark.Rule) { r.Sources = prefixes("2001:db8::/32") }),
		"no network of IPv6":  broken(func(r *mark.Rule) { r.Family = ipvs.IPv6 }),
		"invalid Prefix":      broken(func(r *mark.Rule) { r.Destinations = append(r.Destinations, netip.Prefix{}) }),
		"protocol 1":          broken(func(r *mark.Rule) { r.Protocol = 1 }),
		"without a protocol":  broken(func(r *mark.Rule) { r.Ports = []mark.PortRange{{First: 1, Last: 2}} }),
		"end before":          broken(func(r *mark.Rule) { r.Protocol = ipvs.TCP; r.Ports = []mark.PortRange{{First: 2, Last: 1}} }),
		"name of an":          broken(func(r *mark.Rule) { r.Interface = "sixteen-bytes-00" }),
		"is no virtual IP":    broken(func(r *mark.Rule) { r.VirtualIPs = true; r.Destinations = prefixes("192.0.2.0/24") }),
		"canonical form":      broken(func(r *mark.Rule) { r.VirtualIPs = true; r.Destinations = prefixes("192.0.2.11/32", "192.0.2.10/32") }),
		"not in canonical":    broken(func(r *mark.Rule) { r.Destinations = prefixes("192.0.2.10/24") }),
		"the rule is not in ": broken(func(r *mark.Rule) { r.Destinations = prefixes("192.0.2.10/32", "192.0.2.11/32") }),
	} {
		if err := r.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
