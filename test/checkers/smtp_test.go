// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package checkers

import (
	"slices"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

func smtpStories(t *testing.T) []story {
	mail := check.SMTP{Helo: "director.example"}
	return slices.Concat([]story{
		{"exim", mail, at(mailPort), up, 0},
		{"exim that is busy", mail, at(busyMailPort), `the SMTP greeting is 451 "mail.example: too busy, try later": want 220`, 0},
		{"exim that takes no mail", mail, at(closedMailPort), `the SMTP greeting is 550 "no mail here": want 220`, 0},
		{"exim that dislikes the director", check.SMTP{Helo: unwelcome}, at(mailPort), `the reply to HELO is 550 "not with that name": want 250`, 0},
		{"a port of HTTP", mail, at(webPort), "connected, but no answer within 5s", short},
		{"a port of DNS", mail, at(nameServerPort), "connected, but no answer within 5s", short},
		{"it closes in its greeting", mail, serve(t, ends("220-mail.exa")),
			`the connection was closed in the middle of the SMTP greeting: "220-mail.exa"`, 0},
		{"it closes after its greeting", mail, serve(t, ends("220 mail.example\r\n")), "the connection was closed before the reply to EHLO", 0},
		{"it stalls in its greeting", mail, serve(t, stalls("220 mail")), "the answer was not complete within 5s: 8 bytes came", short},
		{"it speaks SSH", mail, serve(t, stalls("SSH-2.0-OpenSSH_9.6\r\n")), `the answer is not SMTP: a line begins with "SSH-2.0-OpenSSH_9.6"`, 0},
	}, unconnected(mail), unserved(t, mail, "connected, but no answer within 5s"))
}

func TestSMTPAgainstExim(t *testing.T) {
	t.Parallel()
	play(t, smtpStories(t))
}
