// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// handshakeReason says in plain words why a TLS handshake did not pass.
func handshakeReason(err error, conn *overheard) error {
	begin, bytes := conn.heard()
	var record tls.RecordHeaderError
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var authority x509.UnknownAuthorityError
	switch {
	case errors.As(err, &record):
		return fmt.Errorf("the answer is not TLS: %s", check.Begins(begin))
	case errors.As(err, &name):
		return fmt.Errorf("the certificate is for %s, not for %s", namesOf(name.Certificate), name.Host)
	case errors.As(err, &authority):
		return errors.New("the certificate is signed by an authority that is not trusted: name its CA in caBundle")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return expiry(invalid.Cert)
	case errors.As(err, new(syscall.Errno)):
		return reason(err)
	case bytes == 0:
		return check.Cut(nil, 0)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the connection was closed during the TLS handshake")
	}
	if refused := alertReason(err); refused != nil {
		return refused
	}
	return fmt.Errorf("the TLS handshake failed: %s", check.QuoteError(strings.TrimPrefix(err.Error(), "tls: ")))
}

// alertOf names the alert (RFC 8446 section 6.2) that the real server sent; empty: none.
func alertOf(err error) string {
	var operation *net.OpError
	if !errors.As(err, &operation) || operation.Op != "remote error" {
		return ""
	}
	return strings.TrimPrefix(operation.Err.Error(), "tls: ")
}

// alertReason says in plain words which alert the real server sent; nil: none.
func alertReason(err error) error {
	switch alert := alertOf(err); alert {
	case "":
		return nil
	case "protocol version not supported":
		return errors.New("the real server refuses TLS 1.2 and 1.3")
	case "unrecognized name":
		return errors.New("the real server does not know the server name that it is asked for (SNI)")
	case "certificate required":
		return errors.New("the real server wants a certificate of the director, which has none")
	default:
		return fmt.Errorf("the real server refuses TLS: %s", alert)
	}
}

// expiry is the reason of a certificate outside of its time.
func expiry(c *x509.Certificate) error {
	whose := "the certificate"
	if c.IsCA {
		whose = "the certificate of its authority " + plain(c.Subject.CommonName)
	}
	if time.Now().Before(c.NotBefore) {
		return fmt.Errorf("%s is not valid before %s", whose, c.NotBefore.Format(time.RFC3339))
	}
	return fmt.Errorf("%s expired at %s", whose, c.NotAfter.Format(time.RFC3339))
}

// mostNames is how many of the names in a certificate a reason repeats.
const mostNames = 3

func namesOf(c *x509.Certificate) string {
	names := slices.Clone(c.DNSNames)
	for _, address := range c.IPAddresses {
		names = append(names, address.String())
	}
	more := ""
	if len(names) > mostNames {
		more = fmt.Sprintf(" and %d more", len(names)-mostNames)
		names = names[:mostNames]
	}
	if len(names) == 0 {
		return "no name (it has no subject alternative name)"
	}
	told := make([]string, 0, len(names))
	for _, name := range names {
		told = append(told, plain(name))
	}
	return strings.Join(told, ", ") + more
}

// plain quotes a name unless it is as short and plain as names are.
func plain(name string) string {
	const usual = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.*:_- "
	if name == "" || len(name) > 64 || strings.Trim(name, usual) != "" {
		return check.Quote([]byte(name))
	}
	return name
}
