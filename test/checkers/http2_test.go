// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package checkers

import (
	"slices"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// settings begin an HTTP/2 connection on the server's side.
const settings = "\x00\x00\x00\x04\x00\x00\x00\x00\x00"

func http2Stories(t *testing.T) []story {
	secure := check.HTTPS{HTTP: get("/healthz"), TLS: trusting(), Version2: true}
	plain := check.H2C{HTTP: get("/healthz")}
	return slices.Concat([]story{
		{"nginx over TLS", secure, at(securePort), up, 0},
		{"nginx whose body is right over TLS", check.HTTPS{HTTP: withBody("^fine"), TLS: trusting(), Version2: true}, at(securePort), up, 0},
		{"a sick service over TLS", check.HTTPS{HTTP: get("/sick"), TLS: trusting(), Version2: true}, at(securePort),
			"HTTP status 503: want 200-299", 0},
		{"a port of HTTPS by HTTP/1.1", secure,
			at(oldSecurePort), "the real server does not agree to h2 over TLS (ALPN): it does not speak that version of HTTP", 0},
		{"nginx", plain, at(clearHTTP2Port), up, 0},
		{"nginx whose body is right", check.H2C{HTTP: withBody("^fine")}, at(clearHTTP2Port), up, 0},
		{"a sick service", check.H2C{HTTP: get("/sick")}, at(clearHTTP2Port), "HTTP status 503: want 200-299", 0},
		{"a port of HTTP/1.1", plain, at(webPort), `the answer is not HTTP/2: it begins with "HTTP/1.1 400 Bad Request\r\nServer: nginx/"...`, 0},
		{"a port of HTTPS", plain, at(securePort), `the answer is not HTTP/2: it begins with "HTTP/1.1 400 Bad Request\r\nServer: nginx/"...`, 0},
		{"it closes after its settings", plain, serve(t, ends(settings)), "the connection was closed without an answer", 0},
		{"it closes after its settings over TLS", secure,
			serve(t, secured(t, ends(settings), "h2")), "the connection was closed without an answer", 0},
		{"it stalls after its settings", plain, serve(t, stalls(settings)), "connected, but no answer within 5s", short},
		{"it stalls after its settings over TLS", secure, serve(t, secured(t, stalls(settings), "h2")), "connected, but no answer within 5s", short},
	}, unconnected(plain), unserved(t, plain, "connected, but no answer within 5s"))
}

func TestHTTP2AgainstNginx(t *testing.T) {
	t.Parallel()
	play(t, http2Stories(t))
}
