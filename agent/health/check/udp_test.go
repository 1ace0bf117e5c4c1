// SPDX-License-Identifier: Apache-2.0

package check_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

func verdict(err error) string {
	if err == nil {
		return "passed"
	}
	return err.Error()
}

func TestUDPAnswers(t *testing.T) {
	const silent = "no answer within 3s"
	for _, tc := range []struct {
		name, answer, want, silence string
		check                       check.UDP
	}{
		{"any answer", "\x00\xff", "passed", "passed", check.UDP{PayloadHex: "0a"}},
		{"an empty answer", "", "passed", "passed", check.UDP{}},
		{"an expression", "pong 7\n", "passed", silent, check.UDP{AnswerRegex: "pong [0-9]"}},
		{"an expression that an empty answer matches", "", "passed", silent, check.UDP{AnswerRegex: ".*"}},
		{"another answer", "busy\n", `the answer does not match ^pong: it begins with "busy\n"`, silent, check.UDP{AnswerRegex: "^pong"}},
		{"a beginning", "\x0a\x77\x01and more", "passed", silent, check.UDP{AnswerHex: "0A..01"}},
		{"any beginning", "a", "passed", silent, check.UDP{AnswerHex: ".."}},
		{"another beginning", "\x0a\x77\x02", "the answer does not begin with 0a..01: it begins with 0a7702", silent, check.UDP{AnswerHex: "0a..01"}},
		{"a beginning that is cut", "\x0a\x77", "the answer does not begin with 0a..01: it begins with 0a77", silent, check.UDP{AnswerHex: "0a..01"}},
		{"no beginning", "", "the answer does not begin with ..: it is empty", silent, check.UDP{AnswerHex: ".."}},
		{"a long answer", strings.Repeat("\xff", 50), "the answer does not begin with 00: it begins with " + strings.Repeat("ff", 40) + "...", silent, check.UDP{AnswerHex: "00"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := tc.check.Validate(); err != nil {
				t.Fatal(err)
			}
			e := tc.check.Exchange()
			if got := verdict(e.Hear([]byte(tc.answer))); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if got := verdict(e.Silence(3 * time.Second)); got != tc.silence {
				t.Errorf("silence: got %q, want %q", got, tc.silence)
			}
		})
	}
}

func TestUDPPayload(t *testing.T) {
	for payload, want := range map[string]string{"": "", "0a0B": "\x0a\x0b", strings.Repeat("ff", 512): strings.Repeat("\xff", 512)} {
		c := check.UDP{PayloadHex: payload}
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
		if got := string(c.Exchange().Say()); got != want {
			t.Errorf("says %q, want %q", got, want)
		}
	}
}

func TestUDPSettingsThatAreWrong(t *testing.T) {
	for _, tc := range []struct {
		want  string
		check check.UDP
	}{
		{`payload "0": want two hexadecimal digits a byte, and at most 512 bytes`, check.UDP{PayloadHex: "0"}},
		{`payload "` + strings.Repeat("0", 40) + `": want two hexadecimal digits a byte, and at most 512 bytes`, check.UDP{PayloadHex: strings.Repeat("0", 1026)}},
		{`answer "0.": want two hexadecimal digits a byte or .. for any byte, and at most 512 bytes`, check.UDP{AnswerHex: "0."}},
		{`answer "0..0": want two hexadecimal digits a byte or .. for any byte, and at most 512 bytes`, check.UDP{AnswerHex: "0..0"}},
		{"the answer can be demanded by an expression or in hexadecimal, not both", check.UDP{AnswerHex: "00", AnswerRegex: "a"}},
		{"error parsing regexp: missing closing ): `(`", check.UDP{AnswerRegex: "("}},
	} {
		if got := verdict(tc.check.Validate()); got != tc.want {
			t.Errorf("%+v: got %s, want %s", tc.check, got, tc.want)
		}
	}
}

// FuzzUDPPattern: a pattern that can be read matches its own digits with anything for "..", and nothing that is shorter.
func FuzzUDPPattern(f *testing.F) {
	f.Add("0a..01", byte(7))
	f.Add("0..0", byte(0))
	f.Add("", byte(1))
	f.Fuzz(func(t *testing.T, pattern string, filler byte) {
		c := check.UDP{AnswerHex: pattern}
		if c.Validate() != nil || pattern == "" {
			return
		}
		var answer []byte
		for i := 0; i < len(pattern); i += 2 {
			b := filler
			if pattern[i:i+2] != ".." {
				b = unhex(pattern[i])<<4 | unhex(pattern[i+1])
			}
			answer = append(answer, b)
		}
		if err := c.Exchange().Hear(answer); err != nil {
			t.Errorf("%x: %v", answer, err)
		}
		if c.Exchange().Hear(answer[:len(answer)-1]) == nil {
			t.Error("an answer that is too short passed")
		}
	})
}

func unhex(digit byte) byte {
	switch {
	case digit >= 'a':
		return digit - 'a' + 10
	case digit >= 'A':
		return digit - 'A' + 10
	}
	return digit - '0'
}
