// SPDX-License-Identifier: Apache-2.0

package check

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// MostCABundle is how many bytes TLSClient.CABundle may have.
const MostCABundle = 16 << 10

// TLSClient is how the director speaks TLS to a real server: by version 1.2 (RFC 5246) or 1.3 (RFC 8446), without a certificate of its own.
type TLSClient struct {
	// ServerName is sent (SNI, RFC 6066 section 3) where it is a DNS name, and has to be in the certificate; empty: the address that is checked.
	ServerName string
	// CABundle is certificates of the authorities that may have signed the real server's, in PEM (RFC 7468), at most MostCABundle bytes;
	// empty: those that the agent's image knows.
	CABundle string
	// SkipVerify takes any certificate. CABundle is empty then.
	SkipVerify bool
}

// Validate returns nil, or every limit that the settings break, joined into one error.
func (c TLSClient) Validate() error {
	var name, unused error
	if strings.ContainsFunc(c.ServerName, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("/[]", r) }) {
		name = fmt.Errorf("server name %q: want a DNS name or an IP address, without a port", c.ServerName)
	}
	if c.SkipVerify && c.CABundle != "" {
		unused = errors.New("a CA bundle is of no use where no certificate is verified")
	}
	return errors.Join(name, unused, validateBundle(c.CABundle))
}

// validateBundle says which certificate is no good: one alone, and no check could be made.
func validateBundle(bundle string) error {
	if bundle == "" {
		return nil
	}
	if len(bundle) > MostCABundle {
		return fmt.Errorf("CA bundle of %d bytes: want %d at most", len(bundle), MostCABundle)
	}
	certificates := 0
	for block, rest := pem.Decode([]byte(bundle)); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			return fmt.Errorf("CA bundle holds a %s: want certificates only", block.Type)
		}
		certificates++
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return fmt.Errorf("certificate %d of the CA bundle: %w", certificates, err)
		}
	}
	if certificates == 0 {
		return errors.New("CA bundle holds no certificate in PEM")
	}
	return nil
}
