// SPDX-License-Identifier: Apache-2.0

//go:build e2e

// Package e2e plays whole stories on a real kernel with a real API server.
package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lvs-operator/lvs-operator/test/lab"
	"github.com/lvs-operator/lvs-operator/test/stories"
)

// TestStories plays all of them in one lab, each on hosts of its own; every step that they print is an assertion. The
// tutorial is what `make demo` shows. `make test-e2e` builds the programs that this runs.
func TestStories(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	l, err := lab.Open(t.Context(), lab.Options{
		Root: root, Dir: filepath.Join(root, ".lab", "e2e"), Packages: stories.Packages(), Out: os.Stdout,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, story := range stories.All() {
		t.Run(story.Name, func(t *testing.T) {
			if err := l.Play(t.Context(), story.Name); err != nil {
				t.Fatal(err)
			}
		})
	}
}
