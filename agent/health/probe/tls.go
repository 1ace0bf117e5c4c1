// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// The protocols that TLS is asked for (ALPN, RFC 7301 and RFC 9113 section 3.2).
const (
	alpnHTTP1 = "http/1.1"
	alpnHTTP2 = "h2"
)

// tlsClient is a check.TLSClient made ready.
type tlsClient struct {
	config *tls.Config
	// protocol is asked for by ALPN; empty: none is.
	protocol string
}

func newTLSClient(c check.TLSClient, protocol string) (*tlsClient, error) {
	config := &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: c.ServerName, InsecureSkipVerify: c.SkipVerify, //nolint:gosec // the pool asks for it
	}
	if protocol != "" {
		config.NextProtos = []string{protocol}
	}
	if c.CABundle != "" {
		var err error
		if config.RootCAs, err = authorities([]byte(c.CABundle)); err != nil {
			return nil, err
		}
	}
	return &tlsClient{config, protocol}, nil
}

// authorities reads a CA bundle. Unlike x509.CertPool it says which certificate is no good.
func authorities(bundle []byte) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	n := 0
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		n++
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d of caBundle: %w", n, err)
		}
		pool.AddCert(certificate)
	}
	return pool, nil
}

// handshake makes the TLS handshake on a connection.
func (c *tlsClient) handshake(ctx context.Context, t health.Target, conn *overheard) (*tls.Conn, error) {
	config := c.config
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName = t.Endpoint().Addr().String()
	}
	secure := tls.Client(conn, config)
	err := secure.HandshakeContext(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, notSecure(t.Spec.Timeout)
	case alertOf(err) == "no application protocol", err == nil && c.protocol == alpnHTTP2 && secure.ConnectionState().NegotiatedProtocol != alpnHTTP2:
		return nil, fmt.Errorf("the real server does not agree to %s over TLS (ALPN): it does not speak that version of HTTP", c.protocol)
	case err != nil:
		return nil, handshakeReason(err, conn)
	}
	return secure, nil
}

// tlsCall makes a check of TLS ready.
func tlsCall(c check.TLS) Call {
	client, err := newTLSClient(c.Client, "")
	if err != nil {
		return unusable(err)
	}
	return Weightless(func(ctx context.Context, t health.Target) error {
		conn, err := dial(ctx, t)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		secure, err := client.handshake(ctx, t, conn)
		if err != nil {
			return err
		}
		_ = secure.Close() // it says goodbye (close_notify, RFC 8446 section 6.1); the verdict is there
		return nil
	})
}
