// SPDX-License-Identifier: Apache-2.0

package check_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

func block(kind string, bytes []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}))
}

// authority is the certificate of one, in DER.
func authority(t *testing.T) []byte {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true}
	raw, err := x509.CreateCertificate(nil, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestTLSSettingsThatAreWrong(t *testing.T) {
	certificate := block("CERTIFICATE", authority(t))
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
		{"a private key", "CA bundle holds a PRIVATE KEY: want certificates only", check.TLSClient{CABundle: certificate + block("PRIVATE KEY", make([]byte, 48))}},
		{"a certificate that is none", "certificate 2 of the CA bundle: x509: malformed certificate",
			check.TLSClient{CABundle: certificate + block("CERTIFICATE", make([]byte, 48))}},
		{"too long a bundle", "CA bundle of 16385 bytes: want 16384 at most", check.TLSClient{CABundle: strings.Repeat("x", 16<<10+1)}},
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
