// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"cmp"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// ways are those in which a request is sent, with the server that takes it.
var ways = []struct {
	name  string
	serve func(*testing.T, http.Handler) net.Addr
	by    func(check.HTTP) check.Check
}{
	{"HTTP/1.1", servePlain(1), func(c check.HTTP) check.Check { return c }},
	{"HTTP/2", servePlain(2), func(c check.HTTP) check.Check { return check.H2C{HTTP: c} }},
	{"HTTP/1.1 over TLS", serveTLS, func(c check.HTTP) check.Check { return check.HTTPS{HTTP: c, TLS: anyCertificate} }},
	{"HTTP/2 over TLS", serveTLS, func(c check.HTTP) check.Check { return check.HTTPS{HTTP: c, TLS: anyCertificate, Version2: true} }},
}

var anyCertificate = check.TLSClient{SkipVerify: true}

func servePlain(version int) func(*testing.T, http.Handler) net.Addr {
	return func(t *testing.T, handler http.Handler) net.Addr {
		t.Helper()
		server := httptest.NewUnstartedServer(handler)
		server.Config.Protocols = &http.Protocols{}
		server.Config.Protocols.SetHTTP1(version == 1)
		server.Config.Protocols.SetUnencryptedHTTP2(version == 2)
		server.Start()
		t.Cleanup(server.Close)
		return server.Listener.Addr()
	}
}

func serveTLS(t *testing.T, handler http.Handler) net.Addr {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.Listener.Addr()
}

// request is a check with its defaults.
func request(c check.HTTP) check.HTTP {
	c.Method, c.Path = cmp.Or(c.Method, http.MethodGet), cmp.Or(c.Path, "/")
	return c
}

func checkHTTP(t *testing.T, address net.Addr, c check.HTTP) string {
	t.Helper()
	return text(makeOf(t, address, 2*time.Second, request(c)))
}

func TestHTTPServerIsJudgedByWhatItAnswers(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%s %s %s %d", r.Method, r.Host, r.Header.Get("X-Probe"), r.ProtoMajor)
	})
	mux.HandleFunc("/sick", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/ok", http.StatusFound) })
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
		_, _ = io.WriteString(w, "y")
	})
	for _, way := range ways {
		address := way.serve(t, mux)
		version := "1"
		if strings.HasPrefix(way.name, "HTTP/2") {
			version = "2"
		}
		for _, tc := range []struct {
			name  string
			check check.HTTP
			want  string
		}{
			{"status", check.HTTP{Path: "/ok"}, "passed"},
			{"HEAD", check.HTTP{Path: "/ok", Method: "HEAD"}, "passed"},
			{"body", check.HTTP{Path: "/ok", Host: "shop.example", Header: "X-Probe: 7\r\n", Body: "^GET shop.example 7 " + version + "$"}, "passed"},
			{"default host", check.HTTP{Path: "/ok", Body: "^GET " + address.String() + "  " + version + "$"}, "passed"},
			{"another body", check.HTTP{Path: "/ok", Body: "fine"},
				`the body of the answer does not match fine: it begins with "GET ` + address.String() + `  ` + version + `"`},
			{"another status", check.HTTP{Path: "/sick"}, "HTTP status 503: want 200-299"},
			{"a status that is wanted", check.HTTP{Path: "/sick", Statuses: "200,500-503"}, "passed"},
			{"a redirection", check.HTTP{Path: "/moved"}, "HTTP status 302: want 200-299"},
			{"chunks", check.HTTP{Path: "/long", Body: "xthe end$"}, "passed"},
			{"longer than what is read", check.HTTP{Path: "/endless", Body: "y"},
				`the body of the answer does not match y: it begins with "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"...`},
		} {
			t.Run(tc.name+" by "+way.name, func(t *testing.T) {
				if got := text(makeOf(t, address, 5*time.Second, way.by(request(tc.check)))); got != tc.want {
					t.Errorf("got %q, want %q", got, tc.want)
				}
			})
		}
	}
}

func TestRequestIsSentAsTheCheckHasIt(t *testing.T) {
	for _, way := range ways {
		address := way.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprintf(w, "%s %s %q %q", r.RequestURI, r.UserAgent(), r.Header.Values("Accept"), r.Header.Values("Accept-Encoding"))
		}))
		for _, path := range []string{"/", `/%2f{"<>|}?a=b&c`, "//two?x", "/a//b"} {
			c := request(check.HTTP{Path: path, Body: "^" + regexp.QuoteMeta(path+` lvs-operator ["*/*"] []`) + "$"})
			if got := text(makeOf(t, address, 5*time.Second, way.by(c))); got != "passed" {
				t.Errorf("%s by %s: %s", path, way.name, got)
			}
		}
	}
}

func TestFieldOfThePoolIsSentOnceAndInPlaceOfTheDirectorsOwn(t *testing.T) {
	for _, way := range ways {
		address := way.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprintf(w, "%q %q %q", r.Header.Values("User-Agent"), r.Header.Values("Accept"), r.Header.Values("X-Probe"))
		}))
		c := request(check.HTTP{Header: "accept: text/plain\r\nUser-Agent: probe/1\r\nX-Probe: 7\r\n", Body: `^\["probe/1"\] \["text/plain"\] \["7"\]$`})
		if got := text(makeOf(t, address, 5*time.Second, way.by(c))); got != "passed" {
			t.Errorf("by %s: %s", way.name, got)
		}
	}
}

func TestAnswerThatStopsIsNotComplete(t *testing.T) {
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			over := make(chan struct{})
			defer close(over)
			address := way.serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, "half")
				w.(http.Flusher).Flush()
				<-over
			}))
			becomes(t, address, way.by(request(check.HTTP{Body: "whole"})), "the answer was not complete within %v: ")
		})
	}
}

// answering is a server that reads a request, sends the parts one by one, and ends.
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
		// To close with something unread would be a reset.
		_ = conn.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, conn)
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

func TestWeightComesWithTheAnswer(t *testing.T) {
	weighs := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Weight", "7")
		_, _ = io.WriteString(w, "weight: 9")
	})
	http1, http2 := servePlain(1)(t, weighs), servePlain(2)(t, weighs)
	header := check.HTTP{Method: "GET", Path: "/", WeightHeader: "x-weight"}
	body := check.HTTP{Method: "GET", Path: "/", WeightBody: "weight: ([0-9]+)"}
	for _, tc := range []struct {
		check check.Check
		at    net.Addr
		want  uint32
	}{{header, http1, 7}, {body, http1, 9}, {check.H2C{HTTP: header}, http2, 7}, {check.H2C{HTTP: body}, http2, 9}} {
		asked := target(tc.at, 5*time.Second)
		asked.Spec.Check = tc.check
		if result := resultOfOne(t, asked); result.Err != nil || result.Weight != (check.Weight{Given: true, Value: tc.want}) {
			t.Errorf("%v: got %+v, want weight %d", tc.check, result, tc.want)
		}
	}
}
