// SPDX-License-Identifier: Apache-2.0

package check

// TLS passes when the TLS handshake with the real server does and its certificate is right. keepalived has no such check.
type TLS struct{ Client TLSClient }

// Kind implements Check.
func (TLS) Kind() string { return "tls" }

// String implements Check.
func (c TLS) String() string { return c.Kind() }

// Validate implements Check.
func (c TLS) Validate() error { return c.Client.Validate() }
