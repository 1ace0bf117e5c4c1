// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// answeringTLS is a server that reads a request over TLS, sends an answer, and ends.
func answeringTLS(t *testing.T, config *tls.Config, answer string) net.Addr {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	go serving(l, func(conn net.Conn) {
		secure := tls.Server(conn, config)
		_, _ = secure.Read(make([]byte, 4096))
		_, _ = io.WriteString(secure, answer)
		_ = secure.CloseWrite()
		_, _ = io.Copy(io.Discard, conn)
	})
	return l.Addr()
}

func TestHTTPSServersThatDoNotAnswerAsTheyShouldFailForAReason(t *testing.T) {
	config := &tls.Config{Certificates: []tls.Certificate{newAuthority(t).issue(t, unchanged)}}
	wanting := config.Clone()
	wanting.ClientAuth = tls.RequireAnyClientCert
	for _, tc := range []struct {
		name, answer string
		config       *tls.Config
		check        check.HTTP
		want         string
	}{
		{"nothing", "", config, check.HTTP{}, "the connection was closed without an answer"},
		{"another protocol", "SSH-2.0-OpenSSH_9.6\r\n", config, check.HTTP{}, `the answer is not HTTP/1: it begins with "SSH-2.0-OpenSSH_9.6"`},
		{"half a head", "HTTP/1.1 200 OK\r\nServer", config, check.HTTP{}, `the answer ended after 23 bytes, before its head did: "HTTP/1.1 200 OK\r\nServer"`},
		{"a head without end", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", 1<<18), config, check.HTTP{},
			`the answer is not good HTTP: "server response headers exceeded 65536 bytes; aborted"`},
		{"a broken head", "HTTP/1.1 200 OK\r\n\r: x\r\n\r\n", config, check.HTTP{},
			`the answer is not good HTTP: "malformed MIME header line: \"\\r: x\""`},
		{"a body that is cut", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfine", config, check.HTTP{Body: "^fine$"}, "passed"},
		{"after an interim one", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", config, check.HTTP{}, "passed"},
		{"a certificate of the director", "", wanting, check.HTTP{}, "the real server wants a certificate of the director, which has none"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := check.HTTPS{HTTP: request(tc.check), TLS: anyCertificate}
			if got := text(makeOf(t, answeringTLS(t, tc.config, tc.answer), 5*time.Second, c)); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestServerOfAnotherProtocolOverTLSFailsForAReason(t *testing.T) {
	config := &tls.Config{Certificates: []tls.Certificate{newAuthority(t).issue(t, unchanged)}, NextProtos: []string{"imap"}}
	want := "the real server does not agree to http/1.1 over TLS (ALPN): it does not speak that version of HTTP"
	if got := text(makeOf(t, handshaking(t, config), 5*time.Second, check.HTTPS{HTTP: request(check.HTTP{}), TLS: anyCertificate})); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestServerThatDoesNotSpeakHTTP2FailsForAReason(t *testing.T) {
	config := &tls.Config{Certificates: []tls.Certificate{newAuthority(t).issue(t, unchanged)}}
	only1 := config.Clone()
	only1.NextProtos = []string{"http/1.1"}
	want := "the real server does not agree to h2 over TLS (ALPN): it does not speak that version of HTTP"
	for _, c := range []check.Check{
		check.HTTPS{HTTP: request(check.HTTP{}), TLS: anyCertificate, Version2: true}, check.GRPC{Secure: true, TLS: anyCertificate},
	} {
		for name, config := range map[string]*tls.Config{"without ALPN": config, "HTTP/1.1 only": only1} {
			if got := text(makeOf(t, handshaking(t, config), 5*time.Second, c)); got != want {
				t.Errorf("%v, %s: got %q, want %q", c, name, got, want)
			}
		}
	}
	old := servePlain(1)(t, http.NotFoundHandler())
	want = `the answer is not HTTP/2: it begins with "HTTP/1.1 `
	for _, c := range []check.Check{check.H2C{HTTP: request(check.HTTP{})}, check.GRPC{}} {
		if got := text(makeOf(t, old, 5*time.Second, c)); !strings.HasPrefix(got, want) {
			t.Errorf("%v: got %q, want %q", c, got, want)
		}
	}
}

func TestHTTP2ServerThatClosesFailsForAReason(t *testing.T) {
	config := &tls.Config{Certificates: []tls.Certificate{newAuthority(t).issue(t, unchanged)}, NextProtos: []string{"h2"}}
	want := "the connection was closed without an answer"
	secure := answeringTLS(t, config, "\x00\x00\x00\x04\x00\x00\x00\x00\x00")
	for _, c := range libraryChecks[2:] {
		address := secure
		if _, plain := c.(check.H2C); plain || c == (check.GRPC{}) {
			address = answering(t)
		}
		if got := text(makeOf(t, address, 5*time.Second, c)); got != want {
			t.Errorf("%v: got %q, want %q", c, got, want)
		}
	}
}

// askedScheme makes a check of a server that speaks HTTP/2 over TLS, and returns the scheme that it asks for.
func askedScheme(t *testing.T, c check.Check) string {
	t.Helper()
	config := &tls.Config{Certificates: []tls.Certificate{newAuthority(t).issue(t, unchanged)}, NextProtos: []string{"h2"}}
	asked := make(chan string, 1)
	l := listen(t, "127.0.0.1:0")
	go serving(l, func(conn net.Conn) {
		defer close(asked)
		secure := tls.Server(conn, config)
		if _, err := io.ReadFull(secure, make([]byte, len(http2.ClientPreface))); err != nil {
			return
		}
		framer := http2.NewFramer(secure, secure)
		framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
		_ = framer.WriteSettings()
		for {
			frame, err := framer.ReadFrame()
			if err != nil {
				return
			}
			if headers, found := frame.(*http2.MetaHeadersFrame); found {
				asked <- headers.PseudoValue("scheme")
				return
			}
		}
	})
	_ = makeOf(t, l.Addr(), 5*time.Second, c)
	return <-asked
}

func TestHTTP2OverTLSAsksForTheSchemeHTTPS(t *testing.T) {
	for _, c := range []check.Check{
		check.HTTPS{HTTP: request(check.HTTP{}), TLS: anyCertificate, Version2: true}, check.GRPC{Secure: true, TLS: anyCertificate},
	} {
		if got := askedScheme(t, c); got != "https" {
			t.Errorf("%v asks for the scheme %q", c, got)
		}
	}
}
