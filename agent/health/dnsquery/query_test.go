// SPDX-License-Identifier: Apache-2.0

package dnsquery_test

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
	"github.com/lvs-operator/lvs-operator/agent/health/dnsquery"
)

const id = 4711

func query(t testing.TB, c check.DNS) *dnsquery.Query {
	t.Helper()
	if c.Protocol == "" {
		c.Protocol = check.OverUDP
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	q, err := dnsquery.New(c, id)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// answer is one to the query, with records as a zone file has them.
func answer(t *testing.T, q *dnsquery.Query, change func(*dns.Msg), records ...string) []byte {
	t.Helper()
	var asked, m dns.Msg
	if err := asked.Unpack(q.Say()); err != nil {
		t.Fatal(err)
	}
	m.SetReply(&asked)
	for _, text := range records {
		record, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		m.Answer = append(m.Answer, record)
	}
	if change != nil {
		change(&m)
	}
	message, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return message
}

func verdict(err error) string {
	if err == nil {
		return "passed"
	}
	return err.Error()
}

func TestQueryIsWhatWasAskedFor(t *testing.T) {
	q := query(t, check.DNS{Name: "www.Example.com", Type: "AAAA"})
	var parsed dnsmessage.Message
	if err := parsed.Unpack(q.Say()); err != nil {
		t.Fatal(err)
	}
	if parsed.ID != id || !parsed.RecursionDesired || parsed.Response || len(parsed.Questions) != 1 ||
		parsed.Questions[0].Name.String() != "www.Example.com." || parsed.Questions[0].Type != dnsmessage.TypeAAAA || parsed.Questions[0].Class != dnsmessage.ClassINET {
		t.Errorf("the query is %+v", parsed)
	}
	_ = query(t, check.DNS{Name: strings.Repeat("a.", 127), Type: "A"}) // the longest name can be packed
	if got, want := verdict(q.Silence(3*time.Second)), "no answer within 3s"; got != want {
		t.Errorf("silence: got %q, want %q", got, want)
	}
}

func TestAnswersAreJudged(t *testing.T) {
	of := func(kind, answer string) check.DNS { return check.DNS{Name: "a.example", Type: kind, Answer: answer} }
	code := func(rcode int) func(*dns.Msg) { return func(m *dns.Msg) { m.Rcode = rcode } }
	truncated := func(m *dns.Msg) { m.Truncated = true }
	for _, tc := range []struct {
		name, want string
		check      check.DNS
		change     func(*dns.Msg)
		records    []string
	}{
		{"a record", "passed", of("A", ""), nil, []string{"a.example. 60 IN A 192.0.2.1"}},
		{"a record behind an alias", "passed", of("A", ""), nil, []string{"a.example. 60 IN CNAME b.example.", "b.example. 60 IN A 192.0.2.1"}},
		{"an alias alone", `no record A: the answer has CNAME "b.example."`, of("A", ""), nil, []string{"a.example. 60 IN CNAME b.example."}},
		{"nothing", "no record A: the answer has no records", of("A", ""), nil, nil},
		{"the root", "passed", check.DNS{Name: ".", Type: "SOA"}, nil, []string{". 60 IN SOA a. b. 1 2 3 4 5"}},
		{"the wanted address", "passed", of("A", "192.0.2.2"), nil, []string{"a.example. 60 IN A 192.0.2.1", "a.example. 60 IN A 192.0.2.2"}},
		{"the wanted address, written otherwise", "passed", of("AAAA", "2001:DB8:0::1"), nil, []string{"a.example. 60 IN AAAA 2001:db8::1"}},
		{"other addresses", `no record A 192.0.2.9: the answer has A "192.0.2.1", A "192.0.2.2", A "192.0.2.3" and 1 more`, of("A", "192.0.2.9"), nil,
			[]string{"a.example. 60 IN A 192.0.2.1", "a.example. 60 IN A 192.0.2.2", "a.example. 60 IN A 192.0.2.3", "a.example. 60 IN A 192.0.2.4"}},
		{"the wanted name", "passed", of("MX", "10 Mail.example"), nil, []string{"a.example. 60 IN MX 10 mail.example."}},
		{"another preference", `no record MX 20 mail.example: the answer has MX "10 mail.example."`, of("MX", "20 mail.example"), nil, []string{"a.example. 60 IN MX 10 mail.example."}},
		{"half a record", `no record MX 10: the answer has MX "10 mail.example."`, of("MX", "10"), nil, []string{"a.example. 60 IN MX 10 mail.example."}},
		{"the wanted service", "passed", of("SRV", "0 5 5060 sip.example."), nil, []string{"a.example. 60 IN SRV 0 5 5060 sip.example."}},
		{"the wanted text", "passed", of("TXT", "v=spf1 -all"), nil, []string{`a.example. 60 IN TXT "v=spf1 -all"`}},
		{"the wanted text in quotes", "passed", of("TXT", `"a" "b"`), nil, []string{`a.example. 60 IN TXT "a" "b"`}},
		{"a text of another case", `no record TXT Fine: the answer has TXT "\"fine\""`, of("TXT", "Fine"), nil, []string{`a.example. 60 IN TXT "fine"`}},
		{"a long text", `no record TXT x: the answer has TXT "\"` + strings.Repeat("y", 59) + `"`, of("TXT", "x"), nil, []string{"a.example. 60 IN TXT " + strings.Repeat("y", 200)}},
		{"NXDOMAIN", "RCODE NXDOMAIN: want NOERROR", of("A", ""), code(dns.RcodeNameError), nil},
		{"SERVFAIL", "RCODE SERVFAIL: want NOERROR", of("A", ""), code(dns.RcodeServerFailure), nil},
		{"REFUSED", "RCODE REFUSED: want NOERROR", of("A", ""), code(dns.RcodeRefused), nil},
		{"an unknown code", "RCODE 13: want NOERROR", of("A", ""), code(13), nil},
		{"an error without the question", "RCODE FORMERR: want NOERROR", of("A", ""), func(m *dns.Msg) { m.Rcode, m.Question = dns.RcodeFormatError, nil }, nil},
		{"another id", "the answer has the id 7, and the query had 4711", of("A", ""), func(m *dns.Msg) { m.Id = 7 }, nil},
		{"an echo", "the answer is a query itself", of("A", ""), func(m *dns.Msg) { m.Response = false }, nil},
		{"another question", `the answer is to another question, "b.example." A`, of("A", ""), func(m *dns.Msg) { m.Question[0].Name = "b.example." }, nil},
		{"a question of another case", "passed", of("A", ""), func(m *dns.Msg) { m.Question[0].Name = "A.EXAMPLE." }, []string{"a.example. 60 IN A 192.0.2.1"}},
		{"cut, but enough", "passed", of("A", ""), truncated, []string{"a.example. 60 IN A 192.0.2.1"}},
		{"cut", "the answer was cut to fit into a datagram, and has no record A 192.0.2.2: use protocol: TCP", of("A", "192.0.2.2"), truncated, []string{"a.example. 60 IN A 192.0.2.1"}},
		{"cut over TCP", "no record A: the answer has no records", check.DNS{Name: "a.example", Type: "A", Protocol: check.OverTCP}, truncated, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q := query(t, tc.check)
			if got := verdict(q.Hear(answer(t, q, tc.change, tc.records...))); got != tc.want {
				t.Errorf("got %q\nwant %q", got, tc.want)
			}
		})
	}
}

func TestWhatIsNoMessageIsQuoted(t *testing.T) {
	q := query(t, check.DNS{Name: ".", Type: "SOA"})
	for message, want := range map[string]string{
		"":                         "the answer is not DNS: it begins with ",
		"HTTP/1.1":                 "the answer is not DNS: it begins with 485454502f312e31",
		strings.Repeat("\xff", 99): "the answer is not DNS: it begins with " + strings.Repeat("ff", 40),
	} {
		if got := verdict(q.Hear([]byte(message))); got != want {
			t.Errorf("%q: got %q, want %q", message, got, want)
		}
	}
}

func TestMessagesOverTCPGoBehindTheirLength(t *testing.T) {
	q := query(t, check.DNS{Name: "a.example", Type: "A", Protocol: check.OverTCP})
	s := q.Stream()
	said := s.Open([]byte("before"), netip.AddrPort{})
	if want := "before\x00" + string(rune(len(q.Say()))) + string(q.Say()); string(said) != want {
		t.Errorf("says %q, want %q", said, want)
	}
	message := answer(t, q, nil, "a.example. 60 IN A 192.0.2.1")
	heard := append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...)
	for n := range len(heard) {
		if got := s.Hear(0, heard[:n], false); got.Done {
			t.Fatalf("done after %d of %d bytes: %v", n, len(heard), got.Failure)
		}
	}
	if got := s.Hear(0, append(heard, "more"...), false); !got.Done || got.Failure != nil {
		t.Errorf("all of it: %+v", got)
	}
	for n, want := range map[int]string{
		0:  "the connection was closed without an answer",
		1:  `the answer ended after 1 bytes, before the end of the DNS message: "\x00"`,
		20: `the answer ended after 20 bytes, before the end of the DNS message: "\x004\x12g\x81\x00\x00\x01\x00\x01\x00\x00\x00\x00\x01a\aexa"`,
	} {
		if got := s.Hear(0, heard[:n], true); !got.Done || verdict(got.Failure) != want {
			t.Errorf("%d bytes: got %+v, want %s", n, got, want)
		}
	}
}

// FuzzDNSAnswer sends what it likes. What passes is, by another reader, an answer of NOERROR to the query, and reasons stay short.
func FuzzDNSAnswer(f *testing.F) {
	q := query(f, check.DNS{Name: "a.example", Type: "A", Answer: "192.0.2.1"})
	f.Add(q.Say())
	f.Add([]byte("\x12\x67\x84\x00\x00\x01\x00\x01\x00\x00\x00\x00\x01a\x07example\x00\x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01"))
	f.Fuzz(func(t *testing.T, message []byte) {
		err := q.Hear(message)
		if err != nil {
			if len(err.Error()) > 2000 {
				t.Errorf("a reason of %d bytes", len(err.Error()))
			}
			return
		}
		var parser dnsmessage.Parser
		header, parseErr := parser.Start(message)
		if parseErr != nil || header.ID != id || !header.Response || header.RCode != dnsmessage.RCodeSuccess {
			t.Errorf("passed: %+v, %v", header, parseErr)
		}
	})
}
