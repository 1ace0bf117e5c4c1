// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"slices"
	"testing"
)

func TestSetHashIsTheSameOnBothSides(t *testing.T) {
	// The value is part of the contract between controllers and agents of different releases.
	const want = "65e82cd76f35fdff"
	names := []string{"edge-web-1", "edge-web-0"}
	if got := SetHash(names); got != want {
		t.Errorf("SetHash(%q) = %q, want %q", names, got, want)
	}
	if !slices.Equal(names, []string{"edge-web-1", "edge-web-0"}) {
		t.Errorf("SetHash sorted its argument: %q", names)
	}
	slices.Reverse(names)
	if got := SetHash(names); got != want {
		t.Errorf("SetHash of the same names in another order = %q, want %q", got, want)
	}
}

func TestSetHashTellsSetsApart(t *testing.T) {
	seen := map[string][]string{}
	for _, names := range [][]string{nil, {"a"}, {"a", "b"}, {"ab"}, {"b"}, {"a", "a"}} {
		hash := SetHash(names)
		if len(hash) != 16 {
			t.Errorf("SetHash(%q) = %q, want 16 digits", names, hash)
		}
		if other, ok := seen[hash]; ok {
			t.Errorf("SetHash(%q) and SetHash(%q) are both %s", names, other, hash)
		}
		seen[hash] = names
	}
}
