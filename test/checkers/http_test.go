// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package checkers

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// get is a request for a path.
func get(path string) check.HTTP { return check.HTTP{Method: check.Get, Path: path} }

// withBody is a request for what nginx says when it is well, of a body that matches.
func withBody(expression string) check.HTTP {
	return check.HTTP{Method: check.Get, Path: "/healthz", Body: expression}
}

func httpStories(t *testing.T) []story {
	healthz := get("/healthz")
	return slices.Concat([]story{
		{"nginx", healthz, at(webPort), up, 0},
		{"nginx by IPv6", healthz, netip.AddrPortFrom(realServer6, webPort), up, 0},
		{"a HEAD request", check.HTTP{Method: check.Head, Path: "/healthz"}, at(webPort), up, 0},
		{"a body that is wanted", withBody("^fine$"), at(webPort), "the body of the answer does not match ^fine$: it begins with \"fine\\n\"", 0},
		{"a line that is wanted", withBody("(?m)^fine$"), at(webPort), up, 0},
		{"a virtual host", check.HTTP{Method: check.Get, Path: "/", Host: "shop.example.com", Body: "^the shop"}, at(webPort), up, 0},
		{"a page that is not there", get("/"), at(webPort), "HTTP status 404: want 200-299", 0},
		{"a sick service", get("/sick"), at(webPort), "HTTP status 503: want 200-299", 0},
		{"a redirection", get("/moved"), at(webPort), "HTTP status 302: want 200-299", 0},
		{"a redirection that is wanted", check.HTTP{Method: check.Get, Path: "/moved", Statuses: "200-399"}, at(webPort), up, 0},
		{"a port of HTTPS", healthz, at(securePort), "HTTP status 400: want 200-299", 0},
		{"a port of HTTP/2", healthz, at(clearHTTP2Port), "the answer is not HTTP/1: it is HTTP/2", 0},
		{"a port of DNS", healthz, at(nameServerPort), "connected, but no answer within 5s", short},
		{"it speaks SMTP", healthz, serve(t, stalls("220 mail.example ESMTP\r\n")),
			`the answer is not HTTP/1: it begins with "220 mail.example ESMTP"`, 0},
		{"it refuses by TLS", healthz, serve(t, ends("\x15\x03\x01\x00\x02\x02\x46")), "the answer is not HTTP/1: it is TLS", 0},
		{"it closes in the head", healthz, serve(t, ends("HTTP/1.1 200 OK\r\nServer: a")),
			`the answer ended after 26 bytes, before its head did: "HTTP/1.1 200 OK\r\nServer: a"`, 0},
		{"it stalls in the body", withBody("fine"), serve(t, stalls("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfi")),
			"the answer was not complete within 5s: 40 bytes came", short},
	}, unconnected(healthz), unserved(t, healthz, "connected, but no answer within 5s"))
}

func TestHTTPAgainstNginx(t *testing.T) {
	t.Parallel()
	play(t, httpStories(t))
}
