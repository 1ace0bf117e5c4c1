// SPDX-License-Identifier: Apache-2.0

package check

import (
	"fmt"
	"iter"
	"slices"
	"strings"
)

// ownFields are the header fields that the director sends of its own accord, each unless the check gives one of that name.
var ownFields = [][2]string{{"User-Agent", "lvs-operator"}, {"Accept", "*/*"}}

// notFields are the names of fields that no check may have: those that frame a message (RFC 9112 section 6), and those of one connection
// (RFC 9110 section 7.6.1), which HTTP/2 refuses (RFC 9113 section 8.2.2).
var notFields = []string{
	"Host", "Connection", "Content-Length", "Transfer-Encoding", "Upgrade", "Keep-Alive", "Proxy-Connection", "TE", "Trailer",
}

// validateFields says which field no check may have.
func (c HTTP) validateFields() error {
	for name := range c.given() {
		if slices.ContainsFunc(notFields, func(not string) bool { return strings.EqualFold(name, not) }) {
			return fmt.Errorf("header field %s: want none of %s", name, strings.Join(notFields, ", "))
		}
	}
	return nil
}

// Fields yields the header fields besides Host and Connection, each name with its value: the director's own, and those that are given.
func (c HTTP) Fields() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for _, own := range ownFields {
			if !c.gives(own[0]) && !yield(own[0], own[1]) {
				return
			}
		}
		c.given()(yield)
	}
}

func (c HTTP) gives(name string) bool {
	for given := range c.given() {
		if strings.EqualFold(given, name) {
			return true
		}
	}
	return false
}

// given yields the further header fields.
func (c HTTP) given() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for line := range strings.Lines(c.Header) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\r\n"), ":")
			if !yield(name, strings.TrimSpace(value)) {
				return
			}
		}
	}
}
