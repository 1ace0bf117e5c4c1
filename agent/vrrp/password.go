// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"fmt"
	"unique"
)

const redacted = "(redacted)"

// Password is version 2's clear-text password. The zero value is no password. Two are equal (==) if their texts are.
// But for Reveal it never shows its text: not to fmt, log/slog or encoders, nor as a field of a struct that is printed,
// which is why the text sits behind a handle.
type Password struct {
	text unique.Handle[string]
}

// NewPassword keeps the text as given; the empty text gives the zero value. Config.Validate judges the length.
func NewPassword(text string) Password {
	if text == "" {
		return Password{}
	}
	return Password{text: unique.Make(text)}
}

// IsZero reports whether there is no password.
func (p Password) IsZero() bool { return p == Password{} }

// Reveal returns the text, for whoever has to keep it; it is empty for no password. Nothing else shows it.
func (p Password) Reveal() string {
	if p.IsZero() {
		return ""
	}
	return p.text.Value()
}

// String says only whether there is a password.
func (p Password) String() string {
	if p.IsZero() {
		return "(none)"
	}
	return redacted
}

// Format hides the text from every verb of fmt.
func (p Password) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, p.String()) }

// MarshalText hides the text from encoding/json, log/slog and other encoders.
func (p Password) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// length is the text's length in bytes.
func (p Password) length() int { return len(p.Reveal()) }

// authentication returns what a version 2 packet carries for the password.
func (p Password) authentication() Authentication {
	if p.IsZero() {
		return Authentication{}
	}
	a := Authentication{Type: AuthPassword}
	copy(a.Data[:], p.Reveal())
	return a
}
