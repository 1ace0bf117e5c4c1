// SPDX-License-Identifier: Apache-2.0

package check_test

import (
	"bufio"
	"bytes"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

var realServer = netip.MustParseAddrPort("192.0.2.10:8080")

// judge lets a check hear an answer in steps of so many bytes, and the end of the connection after it.
func judge(c check.Spoken, answer string, step int) string {
	d := c.Dialogue()
	for n := 0; ; n = min(n+step, len(answer)) {
		verdict := d.Hear(0, []byte(answer[:n]), false)
		if n == len(answer) && !verdict.Done {
			verdict = d.Hear(0, []byte(answer), true)
		}
		switch {
		case !verdict.Done && n == len(answer):
			return "goes on listening to nobody"
		case !verdict.Done:
		case verdict.Failure != nil:
			return verdict.Failure.Error()
		default:
			return "passed"
		}
	}
}

const notHTTP = `the answer is not HTTP/1: it begins with "`

func TestHTTPAnswers(t *testing.T) {
	body := check.HTTP{Method: "GET", Path: "/", Body: "^fine$"}
	status := check.HTTP{Method: "GET", Path: "/"}
	for _, tc := range []struct {
		name, answer, want string
		check              check.HTTP
	}{
		{"status alone", "HTTP/1.1 200\r\n\r\n", "passed", status},
		{"without CR", "HTTP/1.1 200 OK\n\n", "passed", status},
		{"version 1.0", "HTTP/1.0 299 Whatever\r\nA: b\r\n\r\n", "passed", status},
		{"version 2", "HTTP/2.0 200 OK\r\n\r\n", notHTTP, status},
		{"no status", "HTTP/1.1 OK\r\n\r\n", notHTTP, status},
		{"a long status", "HTTP/1.1 2000 OK\r\n\r\n", notHTTP, status},
		{"a short line", "HTTP/1.1\r\n\r\n", notHTTP, status},
		{"redirection", "HTTP/1.1 302 Found\r\n\r\n", "HTTP status 302: want 200-299", status},
		{"after interim answers", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 500 No\r\n\r\n", "HTTP status 500: want 200-299", status},
		{"length", "HTTP/1.1 200 OK\r\nCONTENT-LENGTH:  4 \r\n\r\nfine, and more", "passed", body},
		{"no length", "HTTP/1.1 200 OK\r\n\r\nfine", "passed", body},
		{"length that is none", "HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\nfine", "passed", body},
		{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nfi\r\n2;x=y\r\nne\r\n0\r\n\r\n", "passed", body},
		{"a chunk that looks like the last one", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\na\r\n0\r\nb\r\n4\r\nfine\r\n0\r\n\r\n", "passed",
			check.HTTP{Method: "GET", Path: "/", Body: "fine$"}},
		{"chunks that are cut", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nfi\r\n9\r\nne", "passed", body},
		{"chunks that are none", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfine", `the body of the answer does not match ^fine$: it begins with ""`, body},
		{"no body", "HTTP/1.1 204 No Content\r\n\r\n", `the body of the answer does not match ^fine$: it begins with ""`, body},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, step := range []int{1, 3, len(tc.answer)} {
				// How much of an answer that is none is repeated depends on how much had come.
				if got := judge(tc.check, tc.answer, step); got != tc.want && (tc.want != notHTTP || !strings.HasPrefix(got, notHTTP)) {
					t.Errorf("%d bytes at a time: got %q, want %q", step, got, tc.want)
				}
			}
		})
	}
}

func TestHTTPRequest(t *testing.T) {
	c := check.HTTP{Method: "GET", Path: "/healthz?full=1", Header: "X-Probe: 7\r\nCookie: a=b\r\n"}
	request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(c.Dialogue().Open(nil, realServer))))
	if err != nil {
		t.Fatal(err)
	}
	if request.Method != http.MethodGet || request.RequestURI != "/healthz?full=1" || request.Host != "192.0.2.10:8080" || !request.Close ||
		request.Header.Get("X-Probe") != "7" || request.Header.Get("Cookie") != "a=b" || request.UserAgent() != "lvs-operator" {
		t.Errorf("the request is %+v", request)
	}
	c.Host = "shop.example"
	if said := string(c.Dialogue().Open([]byte("before "), realServer)); !strings.HasPrefix(said, "before GET /") || !strings.Contains(said, "\r\nHost: shop.example\r\n") {
		t.Errorf("says %q", said)
	}
}

func TestFieldOfThePoolReplacesTheDirectorsOwn(t *testing.T) {
	c := check.HTTP{Method: "GET", Path: "/", Host: "shop.example", Header: "user-agent: probe/1\r\nX-Accept: a\r\n"}
	want := "GET / HTTP/1.1\r\nHost: shop.example\r\nAccept: */*\r\nuser-agent: probe/1\r\nX-Accept: a\r\nConnection: close\r\n\r\n"
	if said := string(c.Dialogue().Open(nil, realServer)); said != want {
		t.Errorf("says %q\nwant %q", said, want)
	}
}

func TestNoFieldOfTheConnectionMayBeGiven(t *testing.T) {
	for _, name := range []string{
		"Host", "connection", "Content-Length", "Transfer-encoding", "Upgrade", "keep-alive", "Proxy-Connection", "te", "TRAILER",
	} {
		c := check.HTTP{Method: "GET", Path: "/", Header: name + ": x\r\n"}
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), "header field "+name+": ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHTTPSettingsThatAreWrong(t *testing.T) {
	good := check.HTTP{Method: "GET", Path: "/"}
	for _, tc := range []struct {
		name, want string
		change     func(*check.HTTP)
	}{
		{"method", `method "PUT": want GET, HEAD or OPTIONS`, func(c *check.HTTP) { c.Method = "PUT" }},
		{"path", `path "healthz": want one that begins with a slash and has neither spaces nor control characters`, func(c *check.HTTP) { c.Path = "healthz" }},
		{"path that ends the line", `path "/a\r\nb": want one that begins with a slash and has neither spaces nor control characters`, func(c *check.HTTP) { c.Path = "/a\r\nb" }},
		{"host", `host "a b": want a name or an address, with a port or without`, func(c *check.HTTP) { c.Host = "a b" }},
		{"header", `header fields "A: b": want each ended by CRLF, and no other control characters`, func(c *check.HTTP) { c.Header = "A: b" }},
		{"a field of the connection", "header field kEEP-alive: want none of Host, Connection, Content-Length, Transfer-Encoding, Upgrade, Keep-Alive, Proxy-Connection, TE, Trailer",
			func(c *check.HTTP) { c.Header = "A: b\r\nkEEP-alive: 5\r\n" }},
		{"body", "error parsing regexp: missing closing ): `(`", func(c *check.HTTP) { c.Body = "(" }},
		{"body of HEAD", "the answer to HEAD has no body that could match", func(c *check.HTTP) { c.Method, c.Body = "HEAD", "x" }},
		{"status", `status "99": want one from 100 to 599, or a range as in 200-299`, func(c *check.HTTP) { c.Statuses = "200,99" }},
		{"range", `status "300-200": want one from 100 to 599, or a range as in 200-299`, func(c *check.HTTP) { c.Statuses = "300-200" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			wrong := good
			tc.change(&wrong)
			if err := wrong.Validate(); err == nil || err.Error() != tc.want {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
}

// FuzzHTTPAnswer sends what it likes. Where net/http understands an answer, the verdict has to be by the same status; and what was
// complete stays what it was, whatever comes behind it.
func FuzzHTTPAnswer(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine")
	f.Add("HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n")
	f.Add("HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")
	status, body := check.HTTP{Method: "GET", Path: "/"}, check.HTTP{Method: "GET", Path: "/", Body: "fine"}
	f.Fuzz(func(t *testing.T, answer string) {
		if len(answer) > 1<<12 {
			return
		}
		verdict := judge(status, answer, len(answer)+1)
		_ = judge(body, answer, 7)
		if again := judge(status, answer+"more", len(answer)+5); verdict == "passed" && again != "passed" {
			t.Errorf("passed, and with more behind it: %s", again)
		}
		response, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), nil)
		if err != nil || response.ProtoMajor != 1 || response.StatusCode < 200 || response.StatusCode > 599 {
			return
		}
		_ = response.Body.Close()
		if ok := response.StatusCode < 300; ok != (verdict == "passed") && !strings.HasPrefix(verdict, notHTTP) {
			t.Errorf("net/http has status %d, the verdict is %q", response.StatusCode, verdict)
		}
	})
}
