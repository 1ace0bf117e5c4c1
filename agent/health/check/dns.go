// SPDX-License-Identifier: Apache-2.0

package check

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// What DNS.Protocol may be.
const (
	OverUDP = "UDP"
	OverTCP = "TCP"
)

// DNS passes when the real server answers a query (RFC 1035) with NOERROR and a record that is wanted. keepalived calls it DNS_CHECK.
//
// Package dnsquery packs the query and judges the answer.
type DNS struct {
	// Name is asked for: labels of letters, digits, hyphens and underscores, or the root, ".".
	Name string
	// Type of the records: A, AAAA, CNAME, MX, NS, PTR, SOA, SRV or TXT.
	Type string
	// Protocol is OverUDP or OverTCP.
	Protocol string
	// Answer is the data of a record as a zone file has it, in printable ASCII, at most 512 bytes; empty: any record of the type is wanted.
	Answer string
}

// The types that DNS can ask for, and what a name looks like.
var (
	dnsTypes = []string{"A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"}
	dnsName  = regexp.MustCompile(`^[A-Za-z0-9_*-]{1,63}([.][A-Za-z0-9_*-]{1,63})*[.]?$`)
)

// Kind implements Check.
func (DNS) Kind() string { return "dns" }

// String implements Check.
func (c DNS) String() string { return "dns " + c.Name + " " + c.Type }

// Validate implements Check.
func (c DNS) Validate() error {
	var name, kind, protocol error
	if c.Name != "." && (!dnsName.MatchString(c.Name) || len(strings.TrimSuffix(c.Name, ".")) > 253) {
		name = fmt.Errorf("name %.40q: want a domain name, for example www.example.com", c.Name)
	}
	if !slices.Contains(dnsTypes, c.Type) {
		kind = fmt.Errorf("type %.40q: want one of %s", c.Type, strings.Join(dnsTypes, ", "))
	}
	if c.Protocol != OverUDP && c.Protocol != OverTCP {
		protocol = fmt.Errorf("protocol %.40q: want UDP or TCP", c.Protocol)
	}
	return errors.Join(name, kind, protocol, c.validateAnswer())
}

func (c DNS) validateAnswer() error {
	if c.Answer == "" {
		return nil
	}
	address, err := netip.ParseAddr(c.Answer)
	switch {
	case len(c.Answer) > 512 || strings.ContainsFunc(c.Answer, func(r rune) bool { return r < ' ' || r >= 0x7f }):
		return fmt.Errorf("answer %.40q: want at most 512 bytes of printable ASCII", c.Answer)
	case c.Type == "A" && (err != nil || !address.Is4()):
		return fmt.Errorf("answer %.40q: want an IPv4 address for type A", c.Answer)
	case c.Type == "AAAA" && (err != nil || !address.Is6()):
		return fmt.Errorf("answer %.40q: want an IPv6 address for type AAAA", c.Answer)
	}
	return nil
}
