// SPDX-License-Identifier: Apache-2.0

package check

// Ping passes when the real server's host answers an ICMP echo request (RFC 792, RFC 4443 section 4). It has no settings and no port: it is
// made at port 0, so that all services of a real server share one. keepalived calls it PING_CHECK.
type Ping struct{}

// Kind implements Check.
func (Ping) Kind() string { return "ping" }

// String implements Check.
func (c Ping) String() string { return c.Kind() }

// Validate implements Check.
func (Ping) Validate() error { return nil }
