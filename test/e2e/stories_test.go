// SPDX-License-Identifier: Apache-2.0

//go:build e2e

// Package e2e plays whole stories on a real kernel with a real API server.
package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/lvs-operator/lvs-operator/test/lab"
	"github.com/lvs-operator/lvs-operator/test/stories"
)

// replays is how often a story is played again that failed while the machine stood still.
const replays = 2

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
	var failures []error
	for _, story := range stories.All() {
		t.Run(story.Name, func(t *testing.T) {
			err := l.Play(t.Context(), story.Name)
			for range replays {
				if !errors.Is(err, lab.ErrDisturbed) {
					break
				}
				t.Logf("played again, because the machine was busy with something else: %v", err)
				err = l.Play(t.Context(), story.Name)
			}
			if err != nil {
				failures = append(failures, err)
				t.Fatal(err)
			}
		})
	}
	// Once more at the end: what failed is not to be looked for in all that the stories print.
	if err := errors.Join(failures...); err != nil {
		t.Error(err)
	}
}
