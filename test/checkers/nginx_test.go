// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package checkers

import (
	"context"
	"crypto/x509"
	"fmt"
	"strings"
	"time"
)

// The ports of nginx. Certificates of those behind the second one are not good.
const (
	webPort        = 80
	securePort     = 443
	clearHTTP2Port = 8080
	oldSecurePort  = 8443 // no HTTP/2
	otherNamePort  = 8444
	expiredPort    = 8445
	unknownCAPort  = 8446
)

const (
	siteName  = "www.example.com"
	otherName = "intranet.example.com"
)

// expiry is when the certificate ended that has.
var expiry = time.Date(2025, 3, 1, 3, 0, 0, 0, time.UTC)

const nginxHead = `
daemon off;
user root;
worker_processes 1;
error_log stderr crit;
events { worker_connections 1024; }
http {
 access_log off;
`

const nginxSite = `
  location /healthz { return 200 "fine\n"; }
  location /sick { return 503; }
  location /moved { return 302 /healthz; }
  location / { return 404; }
`

// startNginx runs web servers that say one thing, on a port each.
func (s *scene) startNginx(ctx context.Context) error {
	unknown, err := newAuthority("Nobody's CA")
	if err != nil {
		return err
	}
	var conf strings.Builder
	fmt.Fprintf(&conf, "pid %s/nginx.pid;%s", s.dir, nginxHead)
	fmt.Fprintf(&conf, " server {\n  listen %d;\n  listen [::]:%[1]d;%s }\n", webPort, nginxSite)
	fmt.Fprintf(&conf, " server {\n  listen %d;\n  server_name shop.example.com;\n  location / { return 200 \"the shop\\n\"; }\n }\n", webPort)
	fmt.Fprintf(&conf, " server {\n  listen %d http2;%s }\n", clearHTTP2Port, nginxSite)
	for _, secure := range []struct {
		listen string
		by     authority
		change func(*x509.Certificate)
	}{
		{fmt.Sprintf("%d ssl http2", securePort), s.trusted, unchanged},
		{fmt.Sprintf("%d ssl", oldSecurePort), s.trusted, unchanged},
		{fmt.Sprintf("%d ssl", otherNamePort), s.trusted, func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = []string{otherName}, nil }},
		{fmt.Sprintf("%d ssl", expiredPort), s.trusted, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = expiry.Add(-time.Hour), expiry }},
		{fmt.Sprintf("%d ssl", unknownCAPort), unknown, unchanged},
	} {
		certificate, err := s.writeCertificate(secure.by, secure.change)
		if err != nil {
			return err
		}
		fmt.Fprintf(&conf, " server {\n  listen %s;\n  ssl_certificate %s;\n  ssl_certificate_key %[2]s;%s }\n", secure.listen, certificate, nginxSite)
	}
	conf.WriteString("}\n")
	path, err := s.write("nginx.conf", []byte(conf.String()))
	if err != nil {
		return err
	}
	return s.start(ctx, securePort, "nginx", "-c", path)
}
