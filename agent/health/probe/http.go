// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// httpCall is a check that net/http makes, made ready.
type httpCall struct {
	check  check.HTTP
	judge  check.HTTPJudge
	fields http.Header
	scheme string
	// client is nil without TLS.
	client    *tlsClient
	version2  bool
	protocols http.Protocols
}

// httpsCall makes a check of HTTPS ready.
func httpsCall(c check.HTTPS) Call {
	protocol := alpnHTTP1
	if c.Version2 {
		protocol = alpnHTTP2
	}
	client, err := newTLSClient(c.TLS, protocol)
	if err != nil {
		return unusable(err)
	}
	h := newHTTPCall(c.HTTP, c.Version2)
	h.scheme, h.client = "https", client
	return h.call
}

// h2cCall makes a check of H2C ready.
func h2cCall(c check.H2C) Call {
	return newHTTPCall(c.HTTP, true).call
}

// newHTTPCall is without TLS.
func newHTTPCall(c check.HTTP, version2 bool) *httpCall {
	h := &httpCall{
		check: c, judge: c.Judge(), fields: http.Header{}, scheme: "http", version2: version2,
	}
	// Unencrypted is what net/http sees of a connection that TLS is under.
	h.protocols.SetHTTP1(!version2)
	h.protocols.SetUnencryptedHTTP2(version2)
	for name, value := range c.Fields() {
		h.fields.Add(name, value)
	}
	return h
}

// call makes the check on a connection of its own.
func (h *httpCall) call(ctx context.Context, t health.Target) (check.Weight, error) {
	var none check.Weight
	conn, err := dial(ctx, t)
	if err != nil {
		return none, err
	}
	defer func() { _ = conn.Close() }()
	if h.client != nil {
		secure, err := h.client.handshake(ctx, t, conn)
		if err != nil {
			return none, err
		}
		conn = overhear(secure)
	}
	client, err := h.transport(conn).NewClientConn(ctx, "http", t.Endpoint().String())
	if err != nil {
		return none, h.reason(ctx, t, err, conn)
	}
	defer func() { _ = client.Close() }()
	response, err := client.RoundTrip(h.request(ctx, t))
	if err != nil {
		return none, h.reason(ctx, t, err, conn)
	}
	defer func() { _ = response.Body.Close() }()
	field := func(name string) []byte { return []byte(response.Header.Get(name)) }
	if err := h.judge.Status(response.StatusCode); err != nil || !h.judge.WantsBody() {
		return h.judge.Weight(field, nil), err
	}
	// A body that is cut is judged by what came of it.
	body, err := io.ReadAll(io.LimitReader(response.Body, check.MostHeard))
	if err != nil && ctx.Err() != nil {
		return none, notComplete(t.Spec.Timeout, len(body))
	}
	return h.judge.Weight(field, body), h.judge.Body(body)
}

// transport speaks on a connection that is ready, TLS included.
func (h *httpCall) transport(conn net.Conn) *http.Transport {
	return &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil },
		Protocols:   &h.protocols, DisableCompression: true, MaxResponseHeaderBytes: check.MostHeard,
		WriteBufferSize: bufferSize, ReadBufferSize: bufferSize,
		HTTP2: &http.HTTP2Config{MaxReceiveBufferPerConnection: check.MostHeard, MaxReceiveBufferPerStream: check.MostHeard},
	}
}

// bufferSize is that of what libraries read and write with, in bytes: most requests and heads of answers fit.
const bufferSize = 2 << 10

func (h *httpCall) request(ctx context.Context, t health.Target) *http.Request {
	request := &http.Request{
		Method: h.check.Method, URL: &url.URL{Scheme: h.scheme, Host: t.Endpoint().String(), Opaque: h.check.Path}, Host: h.check.Host,
		Header: h.fields.Clone(), Close: true,
	}
	if strings.HasPrefix(h.check.Path, "//") { // in Opaque it would begin with a host
		request.URL.Opaque = ""
		request.URL.Path, request.URL.RawQuery, _ = strings.Cut(h.check.Path, "?")
	}
	return request.WithContext(ctx)
}

// reason says in plain words why there was no answer.
func (h *httpCall) reason(ctx context.Context, t health.Target, err error, conn *overheard) error {
	begin, bytes := conn.heard()
	if h.version2 {
		bytes = 0 // SETTINGS are no answer
	}
	if ctx.Err() != nil {
		if bytes == 0 {
			return notAnswered(t.Spec.Timeout)
		}
		return notComplete(t.Spec.Timeout, bytes)
	}
	if other := h.otherProtocol(begin); other != nil {
		return other
	}
	if ended := endReason(conn.ended(), begin, bytes); ended != nil {
		return ended
	}
	if strings.Contains(err.Error(), "readLoopPeekFailLocked") { // all that net/http says of it
		return fmt.Errorf("the real server answered before it was asked: %s", check.Quote(begin))
	}
	return fmt.Errorf("the answer is not good HTTP: %s", check.QuoteError(withoutPrefixes.Replace(err.Error())))
}

// otherProtocol says that an answer is not of the version that was asked for.
func (h *httpCall) otherProtocol(begin []byte) error {
	if h.version2 {
		return check.NotHTTP2(begin)
	}
	return check.NotHTTP1(begin)
}

// withoutPrefixes leaves out where net/http says that it is net/http.
var withoutPrefixes = strings.NewReplacer("net/http: ", "", "HTTP/1.x transport connection broken: ", "")
