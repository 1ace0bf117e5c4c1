// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package checkers

import (
	"slices"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// trusting takes certificates of the scene's authority for the site.
func trusting() check.TLSClient {
	return check.TLSClient{ServerName: siteName, CABundle: stage.trusted.bundle()}
}

func httpsStories(t *testing.T) []story {
	by := func(request check.HTTP) check.Check { return check.HTTPS{HTTP: request, TLS: trusting()} }
	healthz := by(get("/healthz"))
	return slices.Concat([]story{
		{"nginx", healthz, at(securePort), up, 0},
		{"nginx whose body is right", by(withBody("^fine\n$")), at(securePort), up, 0},
		{"nginx whose body is not right", by(withBody("^good")),
			at(securePort), "the body of the answer does not match ^good: it begins with \"fine\\n\"", 0},
		{"a sick service", by(get("/sick")), at(securePort), "HTTP status 503: want 200-299", 0},
		{"a certificate of another name", healthz, at(otherNamePort), "the certificate is for intranet.example.com, not for www.example.com", 0},
		{"a certificate of another name that nobody verifies", check.HTTPS{HTTP: get("/healthz"), TLS: check.TLSClient{SkipVerify: true}}, at(otherNamePort),
			up, 0},
		{"a port of HTTP", healthz, at(webPort), `the answer is not TLS: it begins with "HTTP/1.1 400 Bad Request\r\nServer: nginx/"...`, 0},
		{"it closes in the head", healthz, serve(t, secured(t, asked(ends("HTTP/1.1 200 OK\r\nServer: a")))),
			`the answer ended after 26 bytes, before its head did: "HTTP/1.1 200 OK\r\nServer: a"`, 0},
		{"it stalls before the answer", healthz, serve(t, secured(t, stalls(""))), "connected, but no answer within 5s", short},
		{"it stalls in the head", healthz, serve(t, secured(t, asked(stalls("HTTP/1.1 200 OK\r\n")))),
			"the answer was not complete within 5s: 17 bytes came", short},
	}, unconnected(healthz), unserved(t, healthz, "connected, but no TLS handshake within 5s"))
}

func TestHTTPSAgainstNginx(t *testing.T) {
	t.Parallel()
	play(t, httpsStories(t))
}
