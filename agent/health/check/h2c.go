// SPDX-License-Identifier: Apache-2.0

package check

// H2C passes as HTTP does, by HTTP/2 without TLS, with prior knowledge (RFC 9113 section 3.3). Of a body the first MostHeard bytes have to
// match. keepalived has no such check.
type H2C struct{ HTTP HTTP }

// Kind implements Check.
func (H2C) Kind() string { return "h2c" }

// String implements Check.
func (c H2C) String() string { return "http by HTTP/2 " + c.HTTP.request() }

// Validate implements Check.
func (c H2C) Validate() error { return c.HTTP.Validate() }
