// SPDX-License-Identifier: Apache-2.0

package check

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
)

// The methods of a request that change nothing at the real server (RFC 9110 section 9.3).
const (
	Get     = "GET"
	Head    = "HEAD"
	Options = "OPTIONS"
)

// HTTP passes when the real server answers a request by HTTP/1.1 (RFC 9112) with one of the statuses and, where that is asked for, a body
// that matches. keepalived calls it HTTP_GET.
type HTTP struct {
	// Method is Get, Head or Options.
	Method string
	// Path is the request's target in origin form: it begins with a slash.
	Path string
	// Host is the virtual host; empty: the address that is checked.
	Host string
	// Header holds further header fields, each "Name: value" ended by CRLF; empty: none. User-Agent and Accept replace the director's own;
	// none is of the connection or of what frames the message.
	Header string
	// Statuses are those that pass; empty: 200 to 299.
	Statuses Statuses
	// Body is a regular expression (RE2) that the first MostHeard bytes of the message, its head included, have to match somewhere in the
	// body; empty: the body is not read.
	Body string
	// WeightHeader is the name of a header field of the answer that gives the real server's weight, as a decimal number; empty: none does.
	WeightHeader string
	// WeightBody is a regular expression (RE2) with one group, which in the body is that number; empty: none is looked for.
	WeightBody string
}

// Kind implements Check.
func (HTTP) Kind() string { return "http" }

// String implements Check.
func (c HTTP) String() string { return "http " + c.request() }

func (c HTTP) request() string { return c.Method + " " + c.Host + c.Path }

// Validate implements Check.
func (c HTTP) Validate() error {
	var method, path, host, header error
	switch c.Method {
	case Get, Head, Options:
	default:
		method = fmt.Errorf("method %q: want GET, HEAD or OPTIONS", c.Method)
	}
	if !strings.HasPrefix(c.Path, "/") || strings.ContainsFunc(c.Path, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		path = fmt.Errorf("path %q: want one that begins with a slash and has neither spaces nor control characters", c.Path)
	}
	if strings.ContainsFunc(c.Host, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '/' }) {
		host = fmt.Errorf("host %q: want a name or an address, with a port or without", c.Host)
	}
	if c.Header != "" && (!strings.HasSuffix(c.Header, "\r\n") || strings.ContainsFunc(strings.ReplaceAll(c.Header, "\r\n", ""), isControl)) {
		header = fmt.Errorf("header fields %q: want each ended by CRLF, and no other control characters", c.Header)
	}
	_, body := regexp.Compile(c.Body)
	if c.Body != "" && c.Method == Head {
		body = errors.New("the answer to HEAD has no body that could match")
	}
	return errors.Join(method, path, host, header, c.validateFields(), body, c.Statuses.Validate(), c.validateWeight())
}

func (c HTTP) validateWeight() error {
	if c.WeightBody == "" {
		return nil
	}
	expression, err := regexp.Compile(c.WeightBody)
	switch {
	case err != nil:
		return fmt.Errorf("weight in the body: %w", err)
	case expression.NumSubexp() != 1:
		return fmt.Errorf("weight in the body %q: want one group in parentheses, around the number", c.WeightBody)
	case c.Method == Head:
		return errors.New("the answer to HEAD has no body that could give a weight")
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// Dialogue implements Spoken. The real server closes behind its answer.
func (c HTTP) Dialogue() Dialogue {
	after := "\r\n"
	for name, value := range c.Fields() {
		after += name + ": " + value + "\r\n"
	}
	return httpDialogue{c, c.Judge(), after + "Connection: close\r\n\r\n"}
}

type httpDialogue struct {
	check HTTP
	judge HTTPJudge
	// after is what follows the host in a request.
	after string
}

// Open implements Dialogue.
func (d httpDialogue) Open(say []byte, address netip.AddrPort) []byte {
	say = append(append(append(append(say, d.check.Method...), ' '), d.check.Path...), " HTTP/1.1\r\nHost: "...)
	if d.check.Host != "" {
		say = append(say, d.check.Host...)
	} else {
		say = address.AppendTo(say)
	}
	return append(say, d.after...)
}

// Hear implements Dialogue. The verdict on a status does not wait for the body.
func (d httpDialogue) Hear(_ int, heard []byte, end bool) Answer {
	m, err := parseMessage(heard)
	switch {
	case err != nil:
		return fail(err)
	case m.head == 0 && end:
		return fail(Cut(heard, len(heard)))
	case m.head == 0:
		return listen()
	}
	if err := d.judge.Status(m.status); err != nil {
		return fail(err)
	}
	field := func(name string) []byte { return m.fieldOf(heard, name) }
	switch {
	case !d.judge.WantsBody():
		return Answer{Done: true, Weight: d.judge.Weight(field, nil)}
	case !end && !m.complete(heard):
		return listen()
	}
	body := m.body(heard)
	return Answer{Done: true, Failure: d.judge.Body(body), Weight: d.judge.Weight(field, body)}
}
