// SPDX-License-Identifier: Apache-2.0

package check

import (
	"bytes"
	"fmt"
)

// smtpReply is a reply of an SMTP server (RFC 5321 section 4.2), of one line or several.
type smtpReply struct {
	// whole says that all of it was heard; the rest means nothing before.
	whole bool
	code  int
	// text is that of the first line.
	text []byte
}

// parseReply reads the reply that heard begins with, and returns what comes behind it. While it is not whole there is no error, unless what
// was heard is no SMTP.
func parseReply(heard []byte) (r smtpReply, rest []byte, err error) {
	for first := true; ; first = false {
		line, behind, found := bytes.Cut(heard, []byte("\n"))
		line = bytes.TrimSuffix(line, []byte("\r"))
		code, last, err := parseReplyLine(line, found)
		switch {
		case err != nil:
			return smtpReply{}, nil, err
		case !found:
			return smtpReply{}, nil, nil
		case first:
			r.code, r.text = code, bytes.TrimSpace(line[min(len("220 "), len(line)):])
		case code != r.code:
			return smtpReply{}, nil, fmt.Errorf("the answer is not SMTP: a reply of code %d goes on with code %d", r.code, code)
		}
		if last {
			r.whole = true
			return r, behind, nil
		}
		heard = behind
	}
}

// parseReplyLine reads "220 text", "220-text" where more lines follow, or "220" alone; or it refuses what does not begin as one does.
func parseReplyLine(line []byte, whole bool) (code int, last bool, err error) {
	const digits = len("220")
	for i, b := range line[:min(len(line), digits)] {
		if b < '0' || b > '9' || i == 0 && (b < '2' || b > '5') {
			return 0, false, notSMTP(line)
		}
		code = 10*code + int(b-'0')
	}
	if whole && len(line) < digits || len(line) > digits && line[digits] != ' ' && line[digits] != '-' {
		return 0, false, notSMTP(line)
	}
	return code, len(line) == digits || len(line) > digits && line[digits] == ' ', nil
}

func notSMTP(line []byte) error {
	return fmt.Errorf("the answer is not SMTP: a line begins with %s", Quote(line))
}
