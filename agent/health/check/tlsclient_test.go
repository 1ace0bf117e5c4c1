// SPDX-License-Identifier: Apache-2.0

package check_test

import (
	"encoding/pem"
	"strings"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

func block(kind string, bytes int) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: make([]byte, bytes)}))
}

func TestTLSSettingsThatAreWrong(t *testing.T) {
	certificate := block("CERTIFICATE", 48)
	for _, tc := range []struct {
		name, want string
		client     check.TLSClient
	}{
		{"none", "", check.TLSClient{}},
		{"a name and two authorities with a comment", "", check.TLSClient{ServerName: "shop.example", CABundle: "the one\n" + certificate + "the other\n" + certificate}},
		{"an address", "", check.TLSClient{ServerName: "2001:db8::10", SkipVerify: true}},
		{"a name of two words", `server name "a b": want a DNS name or an IP address, without a port`, check.TLSClient{ServerName: "a b"}},
		{"an address as in a URL", `server name "[2001:db8::10]": want a DNS name or an IP address, without a port`, check.TLSClient{ServerName: "[2001:db8::10]"}},
		{"a bundle of no use", "a CA bundle is of no use where no certificate is verified", check.TLSClient{CABundle: certificate, SkipVerify: true}},
		{"a bundle of nothing", "CA bundle holds no certificate in PEM", check.TLSClient{CABundle: "certificates"}},
		{"a private key", "CA bundle holds a PRIVATE KEY: want certificates only", check.TLSClient{CABundle: certificate + block("PRIVATE KEY", 48)}},
		{"too long a bundle", "CA bundle of 65537 bytes: want 65536 at most", check.TLSClient{CABundle: strings.Repeat("x", 64<<10+1)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ""
			for _, c := range []check.Check{
				check.TLS{Client: tc.client}, check.GRPC{Secure: true, TLS: tc.client}, check.HTTPS{HTTP: check.HTTP{Method: "GET", Path: "/"}, TLS: tc.client},
			} {
				if err := c.Validate(); err != nil {
					got = err.Error()
				}
				if got != tc.want {
					t.Errorf("%v: got %q, want %q", c, got, tc.want)
				}
			}
		})
	}
}

func TestRequestIsCheckedWhateverCarriesIt(t *testing.T) {
	wrong := check.HTTP{Method: "PUT", Path: "/"}
	for want, c := range map[string]check.Check{
		"https PUT /": check.HTTPS{HTTP: wrong}, "https by HTTP/2 PUT /": check.HTTPS{HTTP: wrong, Version2: true}, "http by HTTP/2 PUT /": check.H2C{HTTP: wrong},
	} {
		if err := c.Validate(); err == nil || err.Error() != `method "PUT": want GET, HEAD or OPTIONS` {
			t.Errorf("%v: %v", c, err)
		}
		if c.String() != want {
			t.Errorf("it is called %q, want %q", c, want)
		}
	}
}
