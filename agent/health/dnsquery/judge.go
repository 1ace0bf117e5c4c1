// SPDX-License-Identifier: Apache-2.0

package dnsquery

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// What a reason repeats of an answer, at most: so many records, so many letters of each, and so many bytes of what is no message.
const (
	mostRecords = 3
	mostLetters = 60
	mostBytes   = 40
)

// judge is nil for a message that passes.
func (q *Query) judge(message []byte) error {
	var m dns.Msg
	if err := m.Unpack(message); err != nil {
		return fmt.Errorf("the answer is not DNS: it begins with %x", message[:min(len(message), mostBytes)])
	}
	switch {
	case m.Id != q.id:
		return fmt.Errorf("the answer has the id %d, and the query had %d", m.Id, q.id)
	case !m.Response:
		return errors.New("the answer is a query itself")
	case m.Rcode != dns.RcodeSuccess:
		return fmt.Errorf("RCODE %s: want NOERROR", rcode(m.Rcode))
	case len(m.Question) > 0 && !q.isAsked(m.Question[0]):
		return fmt.Errorf("the answer is to another question, %.*q %s", mostLetters, m.Question[0].Name, dns.Type(m.Question[0].Qtype))
	}
	for _, record := range m.Answer {
		if record.Header().Rrtype == q.asked.Qtype && (q.check.Answer == "" || same(q.check, data(record))) {
			return nil
		}
	}
	switch wanted := strings.TrimSpace(q.check.Type + " " + q.check.Answer); {
	case m.Truncated && q.check.Protocol == check.OverUDP:
		return fmt.Errorf("the answer was cut to fit into a datagram, and has no record %s: use protocol: TCP", wanted)
	default:
		return fmt.Errorf("no record %s: the answer has %s", wanted, listed(m.Answer))
	}
}

func (q *Query) isAsked(question dns.Question) bool {
	return question.Qtype == q.asked.Qtype && strings.EqualFold(question.Name, q.asked.Name)
}

func rcode(code int) string {
	if name, known := dns.RcodeToString[code]; known {
		return name
	}
	return fmt.Sprint(code)
}

// data is the data of a record as a zone file has it.
func data(record dns.RR) string {
	return strings.TrimPrefix(record.String(), record.Header().String())
}

// same says whether a record has the data that is wanted: of addresses, whatever their text; of texts, with quotes or without; of others,
// whatever the case of names and whether they end with a dot.
func same(c check.DNS, data string) bool {
	switch c.Type {
	case "A", "AAAA":
		wanted, wantedErr := netip.ParseAddr(c.Answer)
		got, gotErr := netip.ParseAddr(data)
		return wantedErr == nil && gotErr == nil && wanted == got
	case "TXT":
		return data == c.Answer || data == `"`+c.Answer+`"`
	}
	wanted, got := strings.Fields(c.Answer), strings.Fields(data)
	if len(wanted) != len(got) {
		return false
	}
	for i := range wanted {
		if !strings.EqualFold(strings.TrimSuffix(wanted[i], "."), strings.TrimSuffix(got[i], ".")) {
			return false
		}
	}
	return true
}

// listed is what came instead of what is wanted.
func listed(records []dns.RR) string {
	if len(records) == 0 {
		return "no records"
	}
	var b strings.Builder
	for i, record := range records[:min(len(records), mostRecords)] {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %.*q", dns.Type(record.Header().Rrtype), mostLetters, data(record))
	}
	if more := len(records) - mostRecords; more > 0 {
		fmt.Fprintf(&b, " and %d more", more)
	}
	return b.String()
}
