// SPDX-License-Identifier: Apache-2.0

//go:build e2e

// Package e2e plays whole stories on a real kernel with a real API server.
package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lvs-operator/lvs-operator/test/lab"
)

// TestTutorial is what `make demo` shows; every step that it prints is an assertion. `make test-e2e` builds the programs that
// it runs.
func TestTutorial(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.Play(t.Context(), lab.Options{Root: root, Dir: filepath.Join(root, ".lab", "e2e"), Out: os.Stdout}); err != nil {
		t.Fatal(err)
	}
}
