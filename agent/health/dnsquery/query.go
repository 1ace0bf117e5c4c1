// SPDX-License-Identifier: Apache-2.0

// Package dnsquery packs the queries of checks by DNS (RFC 1035) and judges the answers; it never opens a socket, reads a clock or repeats
// a query. It stands beside package check, which is pure, because the library that reads the messages brings sockets of its own.
package dnsquery

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// Query is one query. It is the check.Exchange of a check over UDP, and the check.Dialogue of one over TCP is Stream.
type Query struct {
	check   check.DNS
	asked   dns.Question
	id      uint16
	message []byte
}

// New makes the query of a valid check. Nobody should be able to guess the id, for it is all that tells an answer from one that was forged.
func New(c check.DNS, id uint16) (*Query, error) {
	var m dns.Msg
	m.SetQuestion(dns.Fqdn(c.Name), dns.StringToType[c.Type])
	m.Id = id
	message, err := m.Pack()
	if err != nil {
		return nil, fmt.Errorf("pack a query for %s %s: %w", c.Name, c.Type, err)
	}
	return &Query{check: c, asked: m.Question[0], id: id, message: message}, nil
}

// Say implements check.Exchange.
func (q *Query) Say() []byte { return q.message }

// Hear implements check.Exchange.
func (q *Query) Hear(datagram []byte) error { return q.judge(datagram) }

// Silence implements check.Exchange.
func (q *Query) Silence(timeout time.Duration) error { return check.NoAnswer(timeout) }

// Stream is the query over TCP (RFC 7766 section 8): each message goes behind two bytes of its length.
func (q *Query) Stream() check.Dialogue { return stream{q} }

type stream struct{ query *Query }

const lengthBytes = 2

// Open implements check.Dialogue.
func (s stream) Open(say []byte, _ netip.AddrPort) []byte {
	return append(binary.BigEndian.AppendUint16(say, uint16(len(s.query.message))), s.query.message...)
}

// Hear implements check.Dialogue.
func (s stream) Hear(_ int, heard []byte, end bool) check.Answer {
	if len(heard) >= lengthBytes {
		length := int(binary.BigEndian.Uint16(heard))
		if message := heard[lengthBytes:]; len(message) >= length {
			return check.Answer{Done: true, Failure: s.query.judge(message[:length])}
		}
	}
	switch {
	case end && len(heard) == 0:
		return check.Answer{Done: true, Failure: errors.New("the connection was closed without an answer")}
	case end:
		return check.Answer{Done: true, Failure: fmt.Errorf("the answer ended after %d bytes, before the end of the DNS message: %s",
			len(heard), check.Quote(heard))}
	}
	return check.Answer{}
}
