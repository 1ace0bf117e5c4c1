// SPDX-License-Identifier: Apache-2.0

package check

import (
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// MostPayload is how many bytes a check by UDP sends, or compares, at most.
const MostPayload = 512

// anyByte stands in UDP.AnswerHex for two digits.
const anyByte = ".."

// UDP passes when the real server does not refuse a datagram (RFC 768) by ICMP, or, where an answer is demanded, when the first one is it.
// keepalived calls it UDP_CHECK.
type UDP struct {
	// PayloadHex is what is sent, two hexadecimal digits a byte, at most MostPayload bytes; empty: an empty datagram.
	PayloadHex string
	// AnswerRegex is a regular expression (RE2) that has to match somewhere in the answer; empty: see AnswerHex.
	AnswerRegex string
	// AnswerHex is what the answer has to begin with, two hexadecimal digits a byte or ".." for any byte, at most MostPayload bytes. Where it
	// and AnswerRegex are empty any answer passes, and so does silence.
	AnswerHex string
}

// Kind implements Check.
func (UDP) Kind() string { return "udp" }

// String implements Check.
func (c UDP) String() string { return c.Kind() }

// Validate implements Check.
func (c UDP) Validate() error {
	var payload, answer, both error
	if sent, err := hex.DecodeString(c.PayloadHex); err != nil || len(sent) > MostPayload {
		payload = fmt.Errorf("payload %.40q: want two hexadecimal digits a byte, and at most %d bytes", c.PayloadHex, MostPayload)
	}
	if wanted, err := parsePattern(c.AnswerHex); err != nil || len(wanted) > MostPayload {
		answer = fmt.Errorf("answer %.40q: want two hexadecimal digits a byte or .. for any byte, and at most %d bytes", c.AnswerHex, MostPayload)
	}
	if c.AnswerRegex != "" && c.AnswerHex != "" {
		both = errors.New("the answer can be demanded by an expression or in hexadecimal, not both")
	}
	_, expression := regexp.Compile(c.AnswerRegex)
	return errors.Join(payload, answer, both, expression)
}

// Exchange implements Posted.
func (c UDP) Exchange() Exchange {
	e := udpExchange{check: c}
	e.payload, _ = hex.DecodeString(c.PayloadHex) // Validate has decoded it before
	e.begin, _ = parsePattern(c.AnswerHex)
	if c.AnswerRegex != "" {
		e.expression = regexp.MustCompile(c.AnswerRegex)
	}
	return e
}

type udpExchange struct {
	check   UDP
	payload []byte
	// expression is nil, and begin empty, where the answer need not have it.
	expression *regexp.Regexp
	begin      []patternByte
}

// Say implements Exchange.
func (e udpExchange) Say() []byte { return e.payload }

// Hear implements Exchange.
func (e udpExchange) Hear(datagram []byte) error {
	switch {
	case e.expression != nil && !e.expression.Match(datagram):
		return fmt.Errorf("the answer does not match %s: it begins with %s", e.check.AnswerRegex, Quote(datagram))
	case len(e.begin) > 0 && len(datagram) == 0:
		return fmt.Errorf("the answer does not begin with %s: it is empty", e.check.AnswerHex)
	case !begins(datagram, e.begin):
		return fmt.Errorf("the answer does not begin with %s: it begins with %s", e.check.AnswerHex, quoteHex(datagram))
	}
	return nil
}

// Silence implements Exchange.
func (e udpExchange) Silence(timeout time.Duration) error {
	if e.expression == nil && len(e.begin) == 0 {
		return nil
	}
	return NoAnswer(timeout)
}

// patternByte is a byte of a pattern.
type patternByte struct {
	value byte
	any   bool
}

// parsePattern reads two hexadecimal digits, or "..", a byte.
func parsePattern(text string) ([]patternByte, error) {
	pattern := make([]patternByte, 0, len(text)/2)
	for len(text) > 0 {
		digits := text[:min(2, len(text))]
		text = text[len(digits):]
		if digits == anyByte {
			pattern = append(pattern, patternByte{any: true})
			continue
		}
		value, err := hex.DecodeString(digits)
		if err != nil {
			return nil, err
		}
		pattern = append(pattern, patternByte{value: value[0]})
	}
	return pattern, nil
}

func begins(datagram []byte, pattern []patternByte) bool {
	if len(datagram) < len(pattern) {
		return false
	}
	for i, b := range pattern {
		if !b.any && b.value != datagram[i] {
			return false
		}
	}
	return true
}
