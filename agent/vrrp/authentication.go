// SPDX-License-Identifier: Apache-2.0

package vrrp

import "fmt"

// AuthType is the authentication type of a version 2 packet (RFC 2338 section 5.3.6).
type AuthType uint8

// The types that this package sends and accepts. RFC 2338's type 2, IP authentication header, is not among them.
const (
	// AuthNone carries eight meaningless bytes (RFC 3768 section 5.3.6).
	AuthNone AuthType = 0
	// AuthPassword carries a password in clear text (RFC 2338 section 5.3.6), keepalived's auth_type PASS.
	AuthPassword AuthType = 1
)

// Authentication is what a version 2 packet carries after its addresses. It prints as its type only.
type Authentication struct {
	// Type says how to read Data.
	Type AuthType
	// Data is the password, filled up with zero bytes.
	Data [authDataSize]byte
}

// String names the type and hides the data.
func (a Authentication) String() string {
	switch a.Type {
	case AuthNone:
		return "none"
	case AuthPassword:
		return "password " + redacted
	}
	return fmt.Sprintf("type %d %s", a.Type, redacted)
}

// Format hides the data from every verb of fmt.
func (a Authentication) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, a.String()) }

// MarshalText hides the data from encoding/json, log/slog and other encoders.
func (a Authentication) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// accepts reports whether a received authentication fits our own: the same type and, with a password, the same
// password. Without one the data is ignored (RFC 3768 section 5.3.10).
func (a Authentication) accepts(received Authentication) bool {
	if a.Type == AuthNone {
		return received.Type == AuthNone
	}
	return a == received
}
