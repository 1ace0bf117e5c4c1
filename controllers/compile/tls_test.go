// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"strings"
	"testing"
)

func TestNameOfAVirtualHost(t *testing.T) {
	for host, want := range map[string]string{
		"":                       "",
		"shop.example":           "shop.example",
		"shop.example:8443":      "shop.example",
		"192.0.2.10:8443":        "192.0.2.10",
		"2001:db8::10":           "2001:db8::10",
		"[2001:db8::10]":         "2001:db8::10",
		"[2001:db8::10]:8443":    "2001:db8::10",
		":8443":                  "",
		"shop[1]":                "",
		"[[1]":                   "",
		strings.Repeat("x", 254): "",
	} {
		if got := nameOf(host); got != want {
			t.Errorf("%q: got %q, want %q", host, got, want)
		}
	}
}
