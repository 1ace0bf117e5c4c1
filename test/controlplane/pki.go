// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net/netip"
	"os"
	"time"
)

// The files of a control plane's pki directory, all PEM, readable by their owner alone.
const (
	caCertFile                  = "ca.crt"
	servingCertFile             = "apiserver.crt"
	servingKeyFile              = "apiserver.key"
	serviceAccountKeyFile       = "service-account.key"
	serviceAccountPublicKeyFile = "service-account.pub"
)

// certificateLife covers a demo that is kept; the hour before covers a VM's slow clock.
const (
	certificateLife   = 365 * 24 * time.Hour
	certificateBefore = time.Hour
)

// pki is PEM text. The CA's key is not kept: nothing is signed after the start.
type pki struct {
	caCert                                   []byte
	servingCert, servingKey                  []byte
	adminCert, adminKey                      []byte
	serviceAccountKey, serviceAccountPublKey []byte
}

// newPKI makes a CA and what it signs, valid around now, and the key pair for service account tokens. extraNames are
// DNS names and IP addresses for the serving certificate.
func newPKI(now time.Time, extraNames []string) (*pki, error) {
	ca, err := newAuthority(now)
	if err != nil {
		return nil, fmt.Errorf("make certificate authority: %w", err)
	}
	p := &pki{caCert: certPEM(ca.cert.Raw)}

	serving := template(now, pkix.Name{CommonName: apiServerProgram})
	serving.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	addNames(serving, "localhost", loopback, "kubernetes", "kubernetes.default.svc", "10.0.2.2")
	addNames(serving, extraNames...)
	if p.servingCert, p.servingKey, err = ca.issue(serving); err != nil {
		return nil, fmt.Errorf("make the API server's certificate: %w", err)
	}

	admin := template(now, pkix.Name{CommonName: "admin", Organization: []string{"system:masters"}})
	admin.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if p.adminCert, p.adminKey, err = ca.issue(admin); err != nil {
		return nil, fmt.Errorf("make the administrator's certificate: %w", err)
	}

	if p.serviceAccountKey, p.serviceAccountPublKey, err = newKeyPair(); err != nil {
		return nil, fmt.Errorf("make the service accounts' key: %w", err)
	}
	return p, nil
}

// write puts into the pki directory what the API server reads.
func (p *pki) write(l layout) error {
	for name, data := range map[string][]byte{
		caCertFile:                  p.caCert,
		servingCertFile:             p.servingCert,
		servingKeyFile:              p.servingKey,
		serviceAccountKeyFile:       p.serviceAccountKey,
		serviceAccountPublicKeyFile: p.serviceAccountPublKey,
	} {
		if err := os.WriteFile(l.key(name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func newAuthority(now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	tmpl := template(now, pkix.Name{CommonName: "lvs-operator test control plane"})
	tmpl.IsCA = true
	tmpl.BasicConstraintsValid = true
	tmpl.KeyUsage = x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &authority{cert: cert, key: key}, nil
}

// issue signs tmpl for a new key and returns both as PEM.
func (a *authority) issue(tmpl *x509.Certificate) (cert, key []byte, err error) {
	signer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, a.cert, signer.Public(), a.key)
	if err != nil {
		return nil, nil, err
	}
	if key, err = privatePEM(signer); err != nil {
		return nil, nil, err
	}
	return certPEM(der), key, nil
}

// template leaves the serial number to CreateCertificate, which draws a random one.
func template(now time.Time, subject pkix.Name) *x509.Certificate {
	return &x509.Certificate{
		Subject:   subject,
		NotBefore: now.Add(-certificateBefore),
		NotAfter:  now.Add(certificateLife),
		KeyUsage:  x509.KeyUsageDigitalSignature,
	}
}

// addNames tells IP addresses and DNS names apart; TLS verifies them against different fields.
func addNames(cert *x509.Certificate, names ...string) {
	for _, name := range names {
		if addr, err := netip.ParseAddr(name); err == nil {
			cert.IPAddresses = append(cert.IPAddresses, addr.AsSlice())
		} else {
			cert.DNSNames = append(cert.DNSNames, name)
		}
	}
}

// newKeyPair returns a private key and its public key as PEM.
func newKeyPair() (private, public []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, nil, err
	}
	if private, err = privatePEM(key); err != nil {
		return nil, nil, err
	}
	return private, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// privatePEM is SEC 1, "EC PRIVATE KEY": the form that every reader of the keys knows.
func privatePEM(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

func certPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
