// SPDX-License-Identifier: Apache-2.0

package check

import (
	"fmt"
	"net/netip"
	"regexp"
)

// The replies of SMTP (RFC 5321 section 4.2.3) that a check waits for.
const (
	smtpReady     = 220
	smtpCompleted = 250
)

// SMTP passes when the real server greets the director (RFC 5321 section 3.1), answers EHLO, or else HELO, and lets it leave by QUIT.
// keepalived calls it SMTP_CHECK.
type SMTP struct {
	// Helo is the name that the director gives itself: a domain, or an address in brackets, of at most 255 bytes.
	Helo string
}

var heloName = regexp.MustCompile(`^[A-Za-z0-9._:\[\]-]+$`)

// Kind implements Check.
func (SMTP) Kind() string { return "smtp" }

// String implements Check.
func (c SMTP) String() string { return c.Kind() }

// Validate implements Check.
func (c SMTP) Validate() error {
	if len(c.Helo) > 255 || !heloName.MatchString(c.Helo) {
		return fmt.Errorf("helo %.40q: want a domain name or an address in brackets", c.Helo)
	}
	return nil
}

// Dialogue implements Spoken.
func (c SMTP) Dialogue() Dialogue {
	return smtpDialogue{ehlo: []byte("EHLO " + c.Helo + "\r\n"), helo: []byte("HELO " + c.Helo + "\r\n")}
}

type smtpDialogue struct{ ehlo, helo []byte }

var smtpQuit = []byte("QUIT\r\n")

// What a director waits for.
const (
	greeting    = "the SMTP greeting"
	replyToEHLO = "the reply to EHLO"
	replyToHELO = "the reply to HELO"
	replyToQUIT = "the reply to QUIT"
)

// Open implements Dialogue. The real server speaks first.
func (smtpDialogue) Open(say []byte, _ netip.AddrPort) []byte { return say }

// Hear implements Dialogue. It goes through the conversation from its beginning: each reply is to what the director said before it.
func (d smtpDialogue) Hear(said int, heard []byte, end bool) Answer {
	awaited := greeting
	for step := 0; ; step++ {
		reply, rest, err := parseReply(heard)
		switch {
		case awaited == replyToQUIT && (reply.whole || end):
			return pass() // it has let the director go, whatever it said
		case err != nil:
			return fail(err)
		case !reply.whole && end && len(heard) > 0:
			return fail(fmt.Errorf("the connection was closed in the middle of %s: %s", awaited, Quote(heard)))
		case !reply.whole && end:
			return fail(fmt.Errorf("the connection was closed before %s", awaited))
		case !reply.whole:
			return listen()
		case step >= said && len(rest) > 0:
			return fail(fmt.Errorf("the real server speaks before its turn: after %s it sent %s", awaited, Quote(rest)))
		}
		var say []byte
		if awaited, say, err = d.next(awaited, reply); err != nil {
			return fail(err)
		}
		if step == said {
			return Answer{Say: say}
		}
		heard = rest
	}
}

// next is what the director says after a reply that it awaited, and what it awaits then.
func (d smtpDialogue) next(awaited string, r smtpReply) (then string, say []byte, err error) {
	want := smtpCompleted
	switch {
	case awaited == greeting && r.code == smtpReady:
		return replyToEHLO, d.ehlo, nil
	case awaited == replyToEHLO && r.code >= 500: // RFC 5321 section 3.2: an old server knows HELO only
		return replyToHELO, d.helo, nil
	case awaited != greeting && r.code == smtpCompleted:
		return replyToQUIT, smtpQuit, nil
	case awaited == greeting:
		want = smtpReady
	}
	return "", nil, fmt.Errorf("%s is %d %s: want %d", awaited, r.code, Quote(r.text), want)
}
