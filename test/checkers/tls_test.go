// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package checkers

import (
	"slices"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

func tlsStories(t *testing.T) []story {
	bundle := stage.trusted.bundle()
	site := check.TLS{Client: trusting()}
	other := check.TLS{Client: check.TLSClient{ServerName: otherName, CABundle: bundle}}
	address := check.TLS{Client: check.TLSClient{CABundle: bundle}}
	const untrusted = "the certificate is signed by an authority that is not trusted: name its CA in caBundle"
	return slices.Concat([]story{
		{"nginx by its name", site, at(securePort), up, 0},
		{"nginx by its address", address, at(securePort), up, 0},
		{"a certificate of another name", site, at(otherNamePort), "the certificate is for intranet.example.com, not for www.example.com", 0},
		{"a certificate without the address", address, at(otherNamePort), "the certificate is for intranet.example.com, not for 192.0.2.11", 0},
		{"a certificate of the other name", other, at(otherNamePort), up, 0},
		{"an expired certificate", site, at(expiredPort), "the certificate expired at 2025-03-01T03:00:00Z", 0},
		{"an authority that nobody knows", site, at(unknownCAPort), untrusted, 0},
		{"no bundle", check.TLS{Client: check.TLSClient{ServerName: siteName}}, at(securePort), untrusted, 0},
		{"nobody verifies", check.TLS{Client: check.TLSClient{SkipVerify: true}}, at(expiredPort), up, 0},
		{"a port of HTTP", site, at(webPort), `the answer is not TLS: it begins with "HTTP/1.1 400 Bad Request\r\nServer: nginx/"...`, 0},
		{"it speaks SMTP", site, serve(t, stalls("220 mail.example ESMTP\r\n")),
			`the answer is not TLS: it begins with "220 mail.example ESMTP\r\n"`, 0},
		{"it closes in the handshake", site, serve(t, ends("\x16\x03\x03\x00\x7a\x02")), "the connection was closed during the TLS handshake", 0},
		{"it closes before the handshake", site, serve(t, ends("")), "the connection was closed without an answer", 0},
	}, unconnected(site), unserved(t, site, "connected, but no TLS handshake within 5s"))
}

func TestTLSAgainstNginx(t *testing.T) {
	t.Parallel()
	play(t, tlsStories(t))
}
