// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// mailServer greets one client, answers each line with what reply makes of it, and closes after "" or the end of the lines.
func mailServer(t *testing.T, greeting string, reply func(line string) string) net.Addr {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		if _, err := io.WriteString(conn, greeting); err != nil {
			return
		}
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			said := reply(lines.Text())
			if said == "" {
				return
			}
			if _, err := io.WriteString(conn, said); err != nil {
				return
			}
		}
	}()
	return l.Addr()
}

func TestMailServerIsJudgedByHowItTalks(t *testing.T) {
	const known = "250-mail.example\r\n250 SIZE 1000\r\n"
	replies := func(by map[string]string) func(string) string {
		return func(line string) string {
			command, _, _ := strings.Cut(line, " ")
			return by[command]
		}
	}
	for _, tc := range []struct {
		name, greeting string
		replies        map[string]string
		want           string
	}{
		{"a mail server", "220-mail.example\r\n220 ESMTP\r\n", map[string]string{"EHLO": known, "QUIT": "221 Bye\r\n"}, "passed"},
		{"one that just closes", "220 a\r\n", map[string]string{"EHLO": known}, "passed"},
		{"one that knows HELO only", "220 a\r\n", map[string]string{"EHLO": "500 what?\r\n", "HELO": "250 a\r\n", "QUIT": "221 b\r\n"}, "passed"},
		{"one that is busy", "421 too many connections\r\n", nil, `the SMTP greeting is 421 "too many connections": want 220`},
		{"one that dislikes the name", "220 a\r\n", map[string]string{"EHLO": "550 no\r\n", "HELO": "550 no\r\n"}, `the reply to HELO is 550 "no": want 250`},
		{"one that dies", "220 a\r\n", nil, "the connection was closed before the reply to EHLO"},
		{"something else", "SSH-2.0-OpenSSH_9.6\r\n", nil, `the answer is not SMTP: a line begins with "SSH-2.0-OpenSSH_9.6"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			asked := target(mailServer(t, tc.greeting, replies(tc.replies)), time.Hour)
			asked.Spec.Check = check.SMTP{Helo: "director.example"}
			if got := text(makeOne(t, asked)); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestMailServerHearsTheNameOfTheDirector(t *testing.T) {
	heard := make(chan string, 3)
	asked := target(mailServer(t, "220 a\r\n", func(line string) string {
		heard <- line
		return map[string]string{"EHLO director.example": "250 a\r\n", "QUIT": "221 b\r\n"}[line]
	}), time.Hour)
	asked.Spec.Check = check.SMTP{Helo: "director.example"}
	if got := text(makeOne(t, asked)); got != "passed" {
		t.Error(got)
	}
	for _, want := range []string{"EHLO director.example", "QUIT"} {
		if got := <-heard; got != want {
			t.Errorf("heard %q, want %q", got, want)
		}
	}
}

func TestMailServerThatSaysNothingIsGivenUp(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	asked := target(l.Addr(), 50*time.Millisecond)
	asked.Spec.Check = check.SMTP{Helo: "director.example"}
	if got, want := text(makeOne(t, asked)), "connected, but no answer within 50ms"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
