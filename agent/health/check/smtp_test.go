// SPDX-License-Identifier: Apache-2.0

package check_test

import (
	"bufio"
	"net/textproto"
	"strings"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

var mail = check.SMTP{Helo: "director.example"}

// converse plays a real server that says its replies one by one, each when it is its turn, so many bytes at a time, and then closes. It
// returns the verdict and what the director said.
func converse(replies []string, step int) (result, said string) {
	d := mail.Dialogue()
	var heard string
	for spoke := 0; ; spoke++ {
		var turn string
		if spoke < len(replies) {
			turn = replies[spoke]
		}
		end := spoke >= len(replies)
		var answer check.Answer
		for spoken := false; !spoken || len(turn) > 0; spoken = true {
			piece := turn[:min(step, len(turn))]
			heard, turn = heard+piece, turn[len(piece):]
			if answer = d.Hear(spoke, []byte(heard), end); answer.Done || len(answer.Say) > 0 {
				break
			}
		}
		switch {
		case answer.Done:
			return verdict(answer.Failure), said
		case len(answer.Say) == 0 && end:
			return "goes on listening to nobody", said
		case len(answer.Say) == 0:
			if answer = d.Hear(spoke, []byte(heard), true); answer.Done {
				return verdict(answer.Failure), said
			}
			return "goes on listening to nobody", said
		}
		said += string(answer.Say)
	}
}

func TestSMTPConversations(t *testing.T) {
	const ehlo, helo, quit = "EHLO director.example\r\n", "HELO director.example\r\n", "QUIT\r\n"
	for _, tc := range []struct {
		name       string
		replies    []string
		want, said string
	}{
		{"a mail server", []string{"220 mail.example ESMTP\r\n", "250-mail.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n", "221 Bye\r\n"}, "passed", ehlo + quit},
		{"without texts", []string{"220\r\n", "250\r\n", "221\r\n"}, "passed", ehlo + quit},
		{"without CR", []string{"220 a\n", "250 b\n", "221 c\n"}, "passed", ehlo + quit},
		{"a long greeting", []string{"220-mail.example\r\n220-no spam\r\n220 please\r\n", "250 hello\r\n", "221 Bye\r\n"}, "passed", ehlo + quit},
		{"one that closes instead of taking leave", []string{"220 a\r\n", "250 b\r\n"}, "passed", ehlo + quit},
		{"one that takes leave in its own way", []string{"220 a\r\n", "250 b\r\n", "500 what?\r\n"}, "passed", ehlo + quit},
		{"one of before 1995", []string{"220 a\r\n", "500 Command unrecognized\r\n", "250 b\r\n", "221 c\r\n"}, "passed", ehlo + helo + quit},
		{"one that knows nobody", []string{"220 a\r\n", "502 no\r\n", "550 I do not talk to you\r\n"}, `the reply to HELO is 550 "I do not talk to you": want 250`, ehlo + helo},
		{"one that is busy", []string{"421 mail.example too many connections\r\n"}, `the SMTP greeting is 421 "mail.example too many connections": want 220`, ""},
		{"one that takes no mail", []string{"554 No SMTP service here\r\n"}, `the SMTP greeting is 554 "No SMTP service here": want 220`, ""},
		{"one that shuts down", []string{"220 a\r\n", "421 shutting down\r\n"}, `the reply to EHLO is 421 "shutting down": want 250`, ehlo},
		{"one that closes at once", nil, "the connection was closed before the SMTP greeting", ""},
		{"one that closes in its greeting", []string{"220-a\r\n22"}, `the connection was closed in the middle of the SMTP greeting: "220-a\r\n22"`, ""},
		{"one that closes after its greeting", []string{"220 a\r\n"}, "the connection was closed before the reply to EHLO", ehlo},
		{"one that is none", []string{"SSH-2.0-OpenSSH_9.6\r\n"}, "the answer is not SMTP: a line begins with ", ""},
		{"one that answers with a number", []string{"2200 a\r\n"}, "the answer is not SMTP: a line begins with ", ""},
		{"one that cannot decide", []string{"220-a\r\n250 b\r\n"}, "the answer is not SMTP: a reply of code 220 goes on with code 250", ""},
		{"a text that tries the log", []string{"554 a\x1b[2J\x00" + strings.Repeat("x", 100) + "\r\n"},
			`the SMTP greeting is 554 "a\x1b[2J\x00` + strings.Repeat("x", 34) + `"...: want 220`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, step := range []int{1, 3, 1 << 10} {
				got, said := converse(tc.replies, step)
				if strings.HasSuffix(tc.want, " begins with ") {
					got = got[:min(len(got), len(tc.want))] // how much is repeated depends on how much had come
				}
				if got != tc.want || said != tc.said {
					t.Errorf("%d bytes at a time: got %q, said %q\nwant %q, said %q", step, got, said, tc.want, tc.said)
				}
			}
		})
	}
}

func TestMailServerThatSpeaksBeforeItsTurnFails(t *testing.T) {
	for _, tc := range []struct {
		said        int
		heard, want string
	}{
		{0, "220 a\r\n250 b\r\n221 c\r\n", `the real server speaks before its turn: after the SMTP greeting it sent "250 b\r\n221 c\r\n"`},
		{0, "220 a\r\n2", `the real server speaks before its turn: after the SMTP greeting it sent "2"`},
		{1, "220 a\r\n250 b\r\n221 c\r\n", `the real server speaks before its turn: after the reply to EHLO it sent "221 c\r\n"`},
	} {
		if answer := mail.Dialogue().Hear(tc.said, []byte(tc.heard), false); verdict(answer.Failure) != tc.want || !answer.Done {
			t.Errorf("got %+v, want %s", answer, tc.want)
		}
	}
}

func TestDirectorWaitsForTheGreeting(t *testing.T) {
	if said := mail.Dialogue().Open(nil, realServer); len(said) != 0 {
		t.Errorf("says %q first", said)
	}
}

func TestSMTPSettingsThatAreWrong(t *testing.T) {
	for _, helo := range []string{"", "a b", "a\r\nRSET", "a@b", strings.Repeat("a", 256), "\u00e4"} {
		if err := (check.SMTP{Helo: helo}).Validate(); err == nil || !strings.HasSuffix(err.Error(), ": want a domain name or an address in brackets") {
			t.Errorf("%q: got %v", helo, err)
		}
	}
	for _, helo := range []string{"lvs-operator", "[192.0.2.1]", "[IPv6:2001:db8::1]"} {
		if err := (check.SMTP{Helo: helo}).Validate(); err != nil {
			t.Error(err)
		}
	}
}

// FuzzSMTPReplies sends what it likes, cut into replies at NUL. A conversation ends, says no more than three times something, and does not
// depend on how the bytes came; where net/textproto reads the first reply, the verdict on it is the same.
func FuzzSMTPReplies(f *testing.F) {
	f.Add("220 a\r\n\x00250-b\r\n250 c\r\n\x00221 d\r\n")
	f.Add("220 a\r\n\x00500 b\r\n\x00250 c\r\n")
	f.Add("220-a\r\n421 b\r\n")
	f.Fuzz(func(t *testing.T, replies string) {
		if len(replies) > 1<<11 {
			return
		}
		parts := strings.Split(replies, "\x00")
		result, said := converse(parts, 1<<12)
		if strings.Count(said, "\r\n") > 3 || result == "goes on listening to nobody" {
			t.Errorf("%s, said %q", result, said)
		}
		if slowly, _ := converse(parts, 1); (slowly == "passed") != (result == "passed") {
			// A server that speaks before its turn can be caught later, when its bytes come one by one.
			if !strings.HasPrefix(result, "the real server speaks before its turn") {
				t.Errorf("%q at once, %q byte by byte", result, slowly)
			}
		}
		code, _, err := textproto.NewReader(bufio.NewReader(strings.NewReader(parts[0]))).ReadResponse(0)
		if err == nil && (code != 220) && said != "" {
			t.Errorf("net/textproto reads code %d, and the director said %q", code, said)
		}
	})
}
