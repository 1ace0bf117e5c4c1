// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// makeOf makes one check that is valid.
func makeOf(t *testing.T, address net.Addr, timeout time.Duration, c check.Check) error {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	asked := target(address, timeout)
	asked.Spec.Check = c
	return makeOne(t, asked)
}

// becomes makes a check whose time is over behind a stage, until its reason begins as wanted with its timeout. How long the stages before
// take is not known: with a timeout that is too short for them the check is made again.
func becomes(t *testing.T, address net.Addr, c check.Check, want string) {
	t.Helper()
	for timeout := 25 * time.Millisecond; ; timeout *= 2 {
		got := text(makeOf(t, address, timeout, c))
		if strings.HasPrefix(got, fmt.Sprintf(want, timeout)) {
			return
		}
		if timeout > 5*time.Second {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
}

// handshaking is a server that makes a TLS handshake with each who connects, and waits for them to close.
func handshaking(t *testing.T, config *tls.Config) net.Addr {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	go serving(l, func(conn net.Conn) {
		secure := tls.Server(conn, config)
		_, _ = secure.Read(make([]byte, 1))
		_ = secure.Close()
	})
	return l.Addr()
}

// serving serves all who connect until nobody listens any more.
func serving(l net.Listener, serve func(net.Conn)) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = conn.Close() }()
			serve(conn)
		}()
	}
}

func TestTLSServerIsJudgedByItsCertificate(t *testing.T) {
	authority := newAuthority(t)
	expiry := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	begin := time.Date(2126, 1, 2, 3, 4, 5, 0, time.UTC)
	trusting := func(name string) check.TLSClient {
		return check.TLSClient{ServerName: name, CABundle: authority.bundle()}
	}
	for _, tc := range []struct {
		name   string
		change func(*x509.Certificate)
		client check.TLSClient
		want   string
	}{
		{"its name", unchanged, trusting("shop.example"), "passed"},
		{"its address", unchanged, trusting(""), "passed"},
		{"another name", unchanged, trusting("other.example"), "the certificate is for shop.example, 127.0.0.1, not for other.example"},
		{"another address", func(c *x509.Certificate) { c.IPAddresses = nil }, trusting(""), "the certificate is for shop.example, not for 127.0.0.1"},
		{"many names", func(c *x509.Certificate) { c.DNSNames = []string{"a", "*.b", "c\n", "d", "e"} }, trusting("shop.example"),
			`the certificate is for a, *.b, "c\n" and 3 more, not for shop.example`},
		{"no name", func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, nil }, trusting("shop.example"),
			"the certificate is for no name (it has no subject alternative name), not for shop.example"},
		{"any name", unchanged, check.TLSClient{ServerName: "other.example", SkipVerify: true}, "passed"},
		{"unknown authority", unchanged, check.TLSClient{ServerName: "shop.example"},
			"the certificate is signed by an authority that is not trusted: name its CA in caBundle"},
		{"another authority", unchanged, check.TLSClient{ServerName: "shop.example", CABundle: newAuthority(t).bundle()},
			"the certificate is signed by an authority that is not trusted: name its CA in caBundle"},
		{"expired", func(c *x509.Certificate) { c.NotBefore, c.NotAfter = expiry.Add(-time.Hour), expiry }, trusting("shop.example"),
			"the certificate expired at 2026-01-02T03:04:05Z"},
		{"not valid yet", func(c *x509.Certificate) { c.NotBefore, c.NotAfter = begin, begin.Add(time.Hour) }, trusting("shop.example"),
			"the certificate is not valid before 2126-01-02T03:04:05Z"},
		{"for clients", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, trusting("shop.example"),
			`the TLS handshake failed: "failed to verify certificate: x509: certificate specifies an incompatible key usage"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			config := &tls.Config{Certificates: []tls.Certificate{authority.issue(t, tc.change)}}
			if got := text(makeOf(t, handshaking(t, config), 5*time.Second, check.TLS{Client: tc.client})); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestExpiredAuthorityIsToldFromAnExpiredCertificate(t *testing.T) {
	authority := newAuthorityUntil(t, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	config := &tls.Config{Certificates: []tls.Certificate{authority.issue(t, unchanged)}}
	want := "the certificate of its authority Authority expired at 2026-01-02T03:04:05Z"
	if got := text(makeOf(t, handshaking(t, config), 5*time.Second, check.TLS{Client: check.TLSClient{CABundle: authority.bundle()}})); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestServersThatRefuseTLSFailForAReason(t *testing.T) {
	certificates := []tls.Certificate{newAuthority(t).issue(t, unchanged)}
	for want, config := range map[string]*tls.Config{
		"the real server refuses TLS 1.2 and 1.3":                                  {Certificates: certificates, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
		"the real server does not know the server name that it is asked for (SNI)": {},
		"the real server refuses TLS: handshake failure":                           {Certificates: certificates, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_RC4_128_SHA}},
	} {
		t.Run(want, func(t *testing.T) {
			if got := text(makeOf(t, handshaking(t, config), 5*time.Second, check.TLS{Client: check.TLSClient{SkipVerify: true}})); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestServersThatSpeakNoTLSFailForAReason(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		parts      []string
	}{
		{"nothing", "the connection was closed without an answer", nil},
		{"SSH", `the answer is not TLS: it begins with "SSH-2.0-OpenSSH_9.6\r\n"`, []string{"SSH-2.0-OpenSSH_9.6\r\n"}},
		{"HTTP", `the answer is not TLS: it begins with "HTTP/1.1 400 Bad Request\r\nConnection: cl"...`,
			[]string{"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"}},
		{"half a record", "the connection was closed during the TLS handshake", []string{"\x16\x03\x03\x00\x7a\x02"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := text(makeOf(t, answering(t, tc.parts...), 5*time.Second, check.TLS{})); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// libraryChecks are checks of all kinds that libraries make.
var libraryChecks = []check.Check{
	check.TLS{Client: check.TLSClient{SkipVerify: true}},
	check.HTTPS{HTTP: check.HTTP{Method: "GET", Path: "/"}, TLS: check.TLSClient{SkipVerify: true}},
	check.HTTPS{HTTP: check.HTTP{Method: "GET", Path: "/"}, TLS: check.TLSClient{SkipVerify: true}, Version2: true},
	check.GRPC{Secure: true, TLS: check.TLSClient{SkipVerify: true}},
	check.H2C{HTTP: check.HTTP{Method: "GET", Path: "/"}},
	check.GRPC{},
}

func TestEachStageHasItsReasonWhereTheTimeIsOver(t *testing.T) {
	deaf := listen(t, "127.0.0.1:0")
	closed := listen(t, "127.0.0.1:0")
	_ = closed.Close()
	for _, c := range libraryChecks {
		t.Run(c.String(), func(t *testing.T) {
			if got, want := text(makeOf(t, silentListener(t), 50*time.Millisecond, c)), "no answer within 50ms"; got != want {
				t.Errorf("before the connection: got %q, want %q", got, want)
			}
			if _, plain := c.(check.H2C); plain || c == (check.GRPC{}) {
				becomes(t, deaf.Addr(), c, "connected, but no answer within %v")
			} else {
				becomes(t, deaf.Addr(), c, "connected, but no TLS handshake within %v")
			}
			if got, want := text(makeOf(t, closed.Addr(), 5*time.Second, c)), "connection refused"; got != want {
				t.Errorf("without a listener: got %q, want %q", got, want)
			}
		})
	}
}

// resetting is a server that resets each connection once it has read from it. What a library still writes then may meet the reset, too.
func resetting(t *testing.T) net.Addr {
	t.Helper()
	l := listen(t, "127.0.0.1:0")
	go serving(l, func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 1))
		_ = conn.(*net.TCPConn).SetLinger(0)
	})
	return l.Addr()
}

func TestResetConnectionIsCalledThat(t *testing.T) {
	address := resetting(t)
	for _, c := range libraryChecks {
		if got, want := text(makeOf(t, address, 5*time.Second, c)), "connection reset"; got != want {
			t.Errorf("%v: got %q, want %q", c, got, want)
		}
	}
}

func TestBundleThatCannotBeReadSaysNothingOfTheRealServer(t *testing.T) {
	client := check.TLSClient{CABundle: strings.Replace(newAuthority(t).bundle(), "MII", "MIJ", 1)}
	for _, c := range []check.Check{
		check.TLS{Client: client}, check.HTTPS{HTTP: request(check.HTTP{}), TLS: client}, check.GRPC{Secure: true, TLS: client},
	} {
		if c.Validate() == nil {
			t.Errorf("%v is valid", c)
		}
		asked := target(listen(t, "127.0.0.1:0").Addr(), 5*time.Second)
		asked.Spec.Check = c
		err := makeOne(t, asked)
		want := "check not made: certificate 1 of caBundle: x509: malformed certificate"
		if !errors.Is(err, health.ErrInconclusive) || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
