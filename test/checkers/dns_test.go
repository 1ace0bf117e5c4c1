// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package checkers

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

func dnsStories(t *testing.T) []story {
	var stories []story
	for _, protocol := range []string{check.OverUDP, check.OverTCP} {
		ask := func(name, kind, answer string) check.DNS {
			return check.DNS{Name: name, Type: kind, Protocol: protocol, Answer: answer}
		}
		large := up
		if protocol == check.OverUDP {
			large = "the answer was cut to fit into a datagram, and has no record TXT: use protocol: TCP"
		}
		for _, s := range []story{
			{"an address", ask("www.example.com", "A", ""), at(nameServerPort), up, 0},
			{"by IPv6", ask("www.example.com", "A", ""), netip.AddrPortFrom(realServer6, nameServerPort), up, 0},
			{"the address that is wanted", ask("www.example.com", "A", "192.0.2.80"), at(nameServerPort), up, 0},
			{"the IPv6 address that is wanted", ask("www.example.com", "AAAA", "2001:db8:0::80"), at(nameServerPort), up, 0},
			{"the text that is wanted", ask("example.com", "TXT", "v=spf1 -all"), at(nameServerPort), up, 0},
			{"the authority over a zone", ask("example.com", "SOA", ""), at(nameServerPort), up, 0},
			{"another address", ask("www.example.com", "A", "192.0.2.81"), at(nameServerPort),
				`no record A 192.0.2.81: the answer has A "192.0.2.80"`, 0},
			{"no record of the type", ask("www.example.com", "TXT", ""), at(nameServerPort), "no record TXT: the answer has no records", 0},
			{"a name that is not there", ask("nowhere.example.com", "A", ""), at(nameServerPort), "RCODE NXDOMAIN: want NOERROR", 0},
			{"a zone of others", ask("www.example.org", "A", ""), at(nameServerPort), "RCODE REFUSED: want NOERROR", 0},
			{"a large answer", ask("large.example.com", "TXT", ""), at(nameServerPort), large, 0},
		} {
			s.name += " over " + protocol
			stories = append(stories, s)
		}
	}
	datagram := check.DNS{Name: "www.example.com", Type: "A", Protocol: check.OverUDP}
	stream := check.DNS{Name: "www.example.com", Type: "A", Protocol: check.OverTCP}
	return slices.Concat(stories, []story{
		{"it speaks HTTP over TCP", stream, serve(t, ends("HTTP/1.1 400 Bad Request\r\n\r\n")),
			`the answer ended after 28 bytes, before the end of the DNS message: "HTTP/1.1 400 Bad Request\r\n\r\n"`, 0},
		{"it closes in the answer", stream, serve(t, ends("\x00\x40\x12")),
			`the answer ended after 3 bytes, before the end of the DNS message: "\x00@\x12"`, 0},
		{"it says no DNS over UDP", datagram, serveDatagrams(t, "what?"), "the answer is not DNS: it begins with 776861743f", 0},
		{"it says nothing over UDP", datagram, serveDatagrams(t, ""), noAnswer, short},
	}, unconnected(stream), unserved(t, stream, "connected, but no answer within 5s"), unsent(datagram))
}

func TestDNSAgainstDnsmasq(t *testing.T) {
	t.Parallel()
	play(t, dnsStories(t))
}
