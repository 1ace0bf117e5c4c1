// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package checkers

import (
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// The query for the address of the site, with the id 1234, and how dnsmasq's answer begins: with any id, as an answer without error.
const (
	queryHex  = "1234010000010000000000000377777707" + "6578616d706c6503636f6d0000010001"
	answerHex = "....8500"
)

// closedByICMP is the reason of a check by a datagram where the kernel says that nobody listens.
const closedByICMP = "the real server refuses the port by ICMP (port unreachable): nothing listens on it"

// serveDatagrams answers each datagram alike for the length of a test; empty: it does not answer.
func serveDatagrams(t *testing.T, answer string) netip.AddrPort {
	t.Helper()
	var conn *net.UDPConn
	err := stage.realServer.Do(func() (err error) {
		conn, err = net.ListenUDP("udp4", &net.UDPAddr{IP: realServer.AsSlice()})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		for {
			_, from, err := conn.ReadFromUDPAddrPort(nil)
			if err != nil {
				return
			}
			if answer != "" {
				_, _ = conn.WriteToUDPAddrPort([]byte(answer), from)
			}
		}
	}()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

// unsent are the stories of any check by a datagram that wants an answer where there is nobody to give one.
func unsent(c check.Check) []story {
	return []story{
		{"nobody listens over UDP", c, at(unusedPort), closedByICMP, 0},
		{"a black hole over UDP", c, netip.AddrPortFrom(blackHole, nameServerPort), noAnswer, short},
		{"nobody has the address over UDP", c, netip.AddrPortFrom(nobody, nameServerPort), unreachable, 0},
		{"a firewall rejects over UDP", c, netip.AddrPortFrom(rejecting, nameServerPort), unreachable, 0},
	}
}

func udpStories(t *testing.T) []story {
	query := check.UDP{PayloadHex: queryHex, AnswerHex: answerHex}
	return slices.Concat([]story{
		{"dnsmasq", query, at(nameServerPort), up, 0},
		{"dnsmasq by IPv6", query, netip.AddrPortFrom(realServer6, nameServerPort), up, 0},
		{"a word that is wanted", check.UDP{PayloadHex: queryHex, AnswerRegex: "example"}, at(nameServerPort), up, 0},
		{"another answer", check.UDP{PayloadHex: queryHex, AnswerHex: "....8503"}, at(nameServerPort),
			"the answer does not begin with ....8503: it begins with 12348500000100010001000003777777076578616d706c6503636f6d0000010001c00c0001000100...", 0},
		{"a word that is not there", check.UDP{PayloadHex: "00", AnswerRegex: "^pong$"}, serveDatagrams(t, "busy"),
			`the answer does not match ^pong$: it begins with "busy"`, 0},
		{"an answer that is cut", check.UDP{PayloadHex: "00", AnswerHex: "62757379"}, serveDatagrams(t, "bus"),
			"the answer does not begin with 62757379: it begins with 627573", 0},
		{"silence where an answer is wanted", query, serveDatagrams(t, ""), noAnswer, short},
		{"silence where none is", check.UDP{}, serveDatagrams(t, ""), up, short},
		{"nobody listens where no answer is wanted", check.UDP{}, at(unusedPort), closedByICMP, 0},
		{"nobody listens by IPv6", query, netip.AddrPortFrom(realServer6, unusedPort), closedByICMP, 0},
		{"nobody has the IPv6 address", query, netip.AddrPortFrom(nobody6, nameServerPort), unreachable, 0},
		{"a black hole where no answer is wanted", check.UDP{}, netip.AddrPortFrom(blackHole, nameServerPort), up, short},
	}, unsent(query))
}

func TestUDPAgainstDnsmasq(t *testing.T) {
	t.Parallel()
	play(t, udpStories(t))
}
