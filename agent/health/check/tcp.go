// SPDX-License-Identifier: Apache-2.0

package check

// TCP passes when the real server accepts a connection (RFC 9293). It has no settings.
type TCP struct{}

// Kind implements Check.
func (TCP) Kind() string { return "tcp" }

// String implements Check.
func (c TCP) String() string { return c.Kind() }

// Validate implements Check.
func (TCP) Validate() error { return nil }
