// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

func parse(t *testing.T, certPEM []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(certPEM)
	if block == nil {
		t.Fatalf("no PEM in %q", certPEM)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestServingCertificateVerifiesForEveryNameAndNoOther(t *testing.T) {
	now := time.Now()
	p, err := newPKI(now, []string{"api.example.org", "2001:db8::6443"})
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parse(t, p.caCert))
	for name, valid := range map[string]bool{
		"localhost":              true,
		"127.0.0.1":              true,
		"kubernetes":             true,
		"kubernetes.default.svc": true,
		"10.0.2.2":               true,
		"api.example.org":        true,
		"[2001:db8::6443]":       true,
		"192.0.2.1":              false,
		"example.org":            false,
	} {
		_, err := parse(t, p.servingCert).Verify(x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: now})
		if (err == nil) != valid {
			t.Errorf("verification for %s: valid must be %t, got %v", name, valid, err)
		}
	}
}

func TestAdministratorsCertificateIsForClientsOnly(t *testing.T) {
	now := time.Now()
	p, err := newPKI(now, nil)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parse(t, p.caCert))
	for usage, valid := range map[x509.ExtKeyUsage]bool{x509.ExtKeyUsageClientAuth: true, x509.ExtKeyUsageServerAuth: false} {
		_, err := parse(t, p.adminCert).Verify(x509.VerifyOptions{
			Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage},
		})
		if (err == nil) != valid {
			t.Errorf("usage %d: valid must be %t, got %v", usage, valid, err)
		}
	}
}

func TestKubeconfigReadsBackAndIsItsOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kubeconfig")
	// An older file that all may read must not lend its mode to the new one.
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	want := &rest.Config{
		Host:            "https://192.0.2.1:6443",
		BearerToken:     "token",
		TLSClientConfig: rest.TLSClientConfig{ServerName: "kubernetes", CAData: []byte("ca")},
	}
	if err := WriteKubeconfig(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	for field, value := range map[string][2]string{
		"server":      {got.Host, want.Host},
		"server name": {got.ServerName, want.ServerName},
		"token":       {got.BearerToken, want.BearerToken},
		"CA":          {string(got.CAData), string(want.CAData)},
	} {
		if value[0] != value[1] {
			t.Errorf("%s reads back as %q, want %q", field, value[0], value[1])
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the kubeconfig has mode %v, want 0600", info.Mode().Perm())
	}
}

func TestPortsDifferAndStayBelowTheEphemeralRange(t *testing.T) {
	for range 50 {
		p, err := pickPorts()
		if err != nil {
			t.Fatal(err)
		}
		if p.etcd == p.apiServer {
			t.Fatalf("both programs got port %d", p.etcd)
		}
		for _, port := range []int{p.etcd, p.apiServer} {
			if port < lowestPort || port >= ephemeralStart() {
				t.Fatalf("port %d is not in [%d, %d)", port, lowestPort, ephemeralStart())
			}
		}
	}
}

func TestADirectoryThatHoldsAControlPlaneIsRefused(t *testing.T) {
	l := layout(filepath.Join(t.TempDir(), "new"))
	if err := l.create(); err != nil {
		t.Fatal(err)
	}
	if err := l.create(); err == nil {
		t.Fatal("a second control plane was given the first one's keys and data")
	}
}
