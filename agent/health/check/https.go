// SPDX-License-Identifier: Apache-2.0

package check

import "errors"

// HTTPS passes as HTTP does, over TLS, by HTTP/1.1 or HTTP/2. Of a body the first MostHeard bytes have to match. keepalived calls it SSL_GET.
type HTTPS struct {
	HTTP HTTP
	TLS  TLSClient
	// Version2 asks by HTTP/2 (RFC 9113), to which the real server has to agree by ALPN (RFC 7301); false: by HTTP/1.1.
	Version2 bool
}

// Kind implements Check.
func (HTTPS) Kind() string { return "https" }

// String implements Check.
func (c HTTPS) String() string {
	if c.Version2 {
		return "https by HTTP/2 " + c.HTTP.request()
	}
	return "https " + c.HTTP.request()
}

// Validate implements Check.
func (c HTTPS) Validate() error { return errors.Join(c.HTTP.Validate(), c.TLS.Validate()) }
