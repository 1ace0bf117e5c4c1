// SPDX-License-Identifier: Apache-2.0

package check_test

import (
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

func TestAnswersOfOtherProtocolsAreNamed(t *testing.T) {
	for answer, want := range map[string]string{
		"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05": "it is HTTP/2",
		"\x15\x03\x01\x00\x02\x02\x46":                 "it is TLS",
		"\x16\x03\x03":                                 "it is TLS",
		"\x16\x04":                                     `it begins with "\x16\x04"`,
		"\x00\x00\x06\x04":                             `it begins with "\x00\x00\x06\x04"`,
		"SSH-2.0-OpenSSH_9.6\r\n":                      `it begins with "SSH-2.0-OpenSSH_9.6\r\n"`,
		"":                                             `it begins with ""`,
	} {
		if got := check.Begins([]byte(answer)); got != want {
			t.Errorf("%q: got %s, want %s", answer, got, want)
		}
	}
}
