// SPDX-License-Identifier: Apache-2.0

package check_test

import (
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

func TestWhatIsEncodedIsDecodedAsTheSame(t *testing.T) {
	for _, c := range []check.Check{
		check.TCP{},
		check.HTTP{Method: "GET", Path: "/a", Host: "b", Header: "C: d\r\n", Statuses: "200", Body: "e"},
		check.UDP{PayloadHex: "0a", AnswerRegex: "b", AnswerHex: "c0.."},
		check.SMTP{Helo: "d.example"},
		check.DNS{Name: "a.example", Type: "A", Protocol: "TCP", Answer: "192.0.2.1"},
		check.Ping{},
		check.HTTPS{HTTP: check.HTTP{Method: "GET", Path: "/a"}, TLS: check.TLSClient{ServerName: "b", CABundle: "c\nd"}, Version2: true},
		check.H2C{HTTP: check.HTTP{Method: "GET", Path: "/a"}},
		check.TLS{Client: check.TLSClient{ServerName: "a", SkipVerify: true}},
		check.GRPC{Service: "a", Secure: true, TLS: check.TLSClient{ServerName: "b"}},
	} {
		text, err := check.Encode(c)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := check.Decode(text); err != nil || got != c {
			t.Errorf("%s became %#v (%v), want %#v", text, got, err, c)
		}
	}
}

func TestUnknownKindIsNotDecoded(t *testing.T) {
	for text, want := range map[string]string{
		`{"kind":"carrier-pigeon"}`:        `decode a check: there is no kind "carrier-pigeon"`,
		`{`:                                "decode a check: unexpected end of JSON input",
		`{"kind":"http","settings":["a"]}`: "decode a check of kind http: json: cannot unmarshal array into Go value of type check.HTTP",
	} {
		if _, err := check.Decode([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}
