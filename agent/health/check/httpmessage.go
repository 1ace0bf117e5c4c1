// SPDX-License-Identifier: Apache-2.0

package check

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
)

// message is the head of an HTTP/1 response (RFC 9112), as far as a check looks at it.
type message struct {
	status int
	// begin is where the head begins, and head where the body does; 0: the head is not whole yet.
	begin, head int
	// length is Content-Length; -1: it does not say. chunked: the body is in chunks (RFC 9112 section 7.1).
	length  int
	chunked bool
}

// statusLine is how one begins, the shortest there is.
const statusLine = "HTTP/1.1 200"

// mostLength bounds what a Content-Length may say to be believed.
const mostLength = math.MaxInt32

// parseMessage reads the head of the final response in what was heard: interim ones (1xx) go before it. While it is not whole there is no
// error, unless what was heard is no HTTP.
func parseMessage(heard []byte) (message, error) {
	begin := 0
	for {
		m, err := parseHead(heard[begin:])
		if err != nil || m.head == 0 {
			return message{}, err
		}
		m.head, m.begin = m.head+begin, begin
		if m.status >= 200 || m.status == 101 {
			return m, nil
		}
		begin = m.head
	}
}

func parseHead(heard []byte) (message, error) {
	line, rest, found := bytes.Cut(heard, []byte("\n"))
	status, err := parseStatusLine(bytes.TrimSuffix(line, []byte("\r")), found)
	if err != nil || !found {
		return message{}, err
	}
	m := message{status: status, length: -1}
	for line, rest, found = bytes.Cut(rest, []byte("\n")); found; line, rest, found = bytes.Cut(rest, []byte("\n")) {
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) == 0 {
			m.head = len(heard) - len(rest)
			return m, nil
		}
		m.field(line)
	}
	return message{}, nil
}

// parseStatusLine reads a status line (RFC 9112 section 4), or refuses what does not begin as one does. While it is not whole the status
// means nothing.
func parseStatusLine(line []byte, whole bool) (status int, err error) {
	const digits = len("HTTP/1.1 ")
	for i, b := range line[:min(len(line), len(statusLine))] {
		digit := '0' <= b && b <= '9'
		switch {
		case i == digits && (b < '1' || b > '9'), i > digits && !digit, i == len("HTTP/1.") && !digit,
			i < digits && i != len("HTTP/1.") && b != statusLine[i]:
			return 0, notHTTP(line)
		case i >= digits:
			status = 10*status + int(b-'0')
		}
	}
	if whole && len(line) < len(statusLine) || len(line) > len(statusLine) && line[len(statusLine)] != ' ' && line[len(statusLine)] != '\r' {
		return 0, notHTTP(line)
	}
	return status, nil
}

func notHTTP(line []byte) error {
	return fmt.Errorf("the answer is not HTTP/1: %s", Begins(line))
}

// field takes a header field over that says where the body ends. The chunks say it if both do (RFC 9112 section 6.3).
func (m *message) field(line []byte) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimSpace(value)
	switch {
	case bytes.EqualFold(name, []byte("Content-Length")):
		if length, err := strconv.ParseUint(string(value), 10, 63); err == nil && length <= mostLength {
			m.length = int(length)
		}
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		m.chunked = m.chunked || bytes.Contains(bytes.ToLower(value), []byte("chunked"))
	}
}

// fieldOf is the value of the first header field of a name; empty: there is none.
func (m message) fieldOf(heard []byte, name string) []byte {
	for line := range bytes.Lines(heard[m.begin:m.head]) {
		if found, value, is := bytes.Cut(line, []byte(":")); is && bytes.EqualFold(found, []byte(name)) {
			return bytes.TrimSpace(value)
		}
	}
	return nil
}

// complete says whether the whole body has come. One that does not say its length ends with the connection.
func (m message) complete(heard []byte) bool {
	switch raw := heard[m.head:]; {
	case m.status == 204, m.status == 304:
		return true
	case m.chunked:
		_, whole := dechunk(raw)
		return whole
	case m.length >= 0:
		return len(raw) >= m.length
	}
	return false
}

// body is what came of the body.
func (m message) body(heard []byte) []byte {
	raw := heard[m.head:]
	switch {
	case m.chunked:
		joined, _ := dechunk(raw)
		return joined
	case m.length >= 0:
		return raw[:min(m.length, len(raw))]
	}
	return raw
}

// dechunk joins chunks (RFC 9112 section 7.1). What was cut, or is no chunk, ends the body; whole says that the last chunk has come.
func dechunk(raw []byte) (body []byte, whole bool) {
	for {
		line, rest, found := bytes.Cut(raw, []byte("\n"))
		size, _, _ := bytes.Cut(line, []byte(";"))
		length, err := strconv.ParseUint(string(bytes.TrimSpace(size)), 16, 31)
		if !found || err != nil || length == 0 {
			return body, found && err == nil
		}
		chunk := rest[:min(int(length), len(rest))]
		body = append(body, chunk...)
		_, raw, _ = bytes.Cut(rest[len(chunk):], []byte("\n")) // behind the chunk's own end of line
	}
}
