// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

func checkHTTP(t *testing.T, address net.Addr, c check.HTTP) string {
	t.Helper()
	if c.Method == "" {
		c.Method = http.MethodGet
	}
	if c.Path == "" {
		c.Path = "/"
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	asked := target(address, 2*time.Second)
	asked.Spec.Check = c
	return text(makeOne(t, asked))
}

func TestHTTPServerIsJudgedByWhatItAnswers(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%s %s %s", r.Method, r.Host, r.Header.Get("X-Probe"))
	})
	mux.HandleFunc("/sick", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	mux.HandleFunc("/long", func(w http.ResponseWriter, _ *http.Request) {
		for range 100 {
			_, _ = io.WriteString(w, strings.Repeat("x", 400))
			w.(http.Flusher).Flush()
		}
		_, _ = io.WriteString(w, "the end")
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		for range 1000 {
			if _, err := io.WriteString(w, strings.Repeat("x", 1024)); err != nil {
				return
			}
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	for _, tc := range []struct {
		name  string
		check check.HTTP
		want  string
	}{
		{"status", check.HTTP{Path: "/ok"}, "passed"},
		{"HEAD", check.HTTP{Path: "/ok", Method: "HEAD"}, "passed"},
		{"body", check.HTTP{Path: "/ok", Host: "shop.example", Header: "X-Probe: 7\r\n", Body: "^GET shop.example 7$"}, "passed"},
		{"default host", check.HTTP{Path: "/ok", Body: "^GET " + server.Listener.Addr().String() + " $"}, "passed"},
		{"another body", check.HTTP{Path: "/ok", Body: "fine"}, `the body of the answer does not match fine: it begins with "GET ` + server.Listener.Addr().String() + ` "`},
		{"another status", check.HTTP{Path: "/sick"}, "HTTP status 503: want 200-299"},
		{"a status that is wanted", check.HTTP{Path: "/sick", Statuses: "200,500-503"}, "passed"},
		{"chunks", check.HTTP{Path: "/long", Body: "xthe end$"}, "passed"},
		{"longer than what is read", check.HTTP{Path: "/endless", Body: "y"},
			`the body of the answer does not match y: it begins with "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"...`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := checkHTTP(t, server.Listener.Addr(), tc.check); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// answering is a server that reads a request, sends the parts one by one, and closes.
func answering(t *testing.T, parts ...string) net.Addr {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = conn.Read(make([]byte, 4096))
		for _, part := range parts {
			if _, err := io.WriteString(conn, part); err != nil {
				return
			}
		}
	}()
	return l.Addr()
}

func TestServersThatDoNotAnswerAsTheyShouldFailForAReason(t *testing.T) {
	for _, tc := range []struct {
		name  string
		parts []string
		check check.HTTP
		want  string
	}{
		{"nothing", nil, check.HTTP{}, "the connection was closed without an answer"},
		{"another protocol", []string{"SSH-2.0-OpenSSH_9.6\r\n"}, check.HTTP{}, `the answer is not HTTP/1: it begins with "SSH-2.0-OpenSSH_9.6"`},
		{"half a head", []string{"HTTP/1.1 200 OK\r\nServer"}, check.HTTP{}, `the answer ended after 23 bytes, before its head did: "HTTP/1.1 200 OK\r\nServer"`},
		{"in pieces", []string{"HT", "TP/1.1 2", "00 OK\r", "\nContent-Length: 4\r\n\r", "\nfi", "ne"}, check.HTTP{Body: "^fine$"}, "passed"},
		{"to the end", []string{"HTTP/1.0 200 OK\r\n\r\n", "fi", "ne"}, check.HTTP{Body: "^fine$"}, "passed"},
		{"after an interim one", []string{"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n"}, check.HTTP{}, "passed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := checkHTTP(t, answering(t, tc.parts...), tc.check); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestServerThatAcceptsAndSaysNothingIsGivenUp(t *testing.T) {
	l := listen(t, "127.0.0.1:0")
	asked := target(l.Addr(), 50*time.Millisecond)
	asked.Spec.Check = check.HTTP{Method: "GET", Path: "/"}
	if got, want := text(makeOne(t, asked)), "connected, but no answer within 50ms"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
