// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCommandsOnThisHost(t *testing.T) {
	m := &hostMachine{share: t.TempDir()}
	var output bytes.Buffer
	err := m.Run(t.Context(), Command{
		Args: []string{"sh", "-c", `pwd; echo "$VIP"; cat; echo kept >"$SHARE/file"; exit 3`},
		Env:  []string{"VIP=192.0.2.10", "SHARE=" + m.GuestShare()}, Stdin: strings.NewReader("input\n"), Stdout: &output,
	})
	var exit *ExitError
	if !errors.As(err, &exit) || exit.Code != 3 {
		t.Errorf("%v, want exit status 3", err)
	}
	if got, want := output.String(), "/\n192.0.2.10\ninput\n"; got != want {
		t.Errorf("output %q, want %q", got, want)
	}
	if kept, err := os.ReadFile(filepath.Join(m.Share(), "file")); err != nil || string(kept) != "kept\n" {
		t.Errorf("file in the share: %q, %v", kept, err)
	}
}

func TestCommandOnThisHostEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("seen enough")
	began := writer(func([]byte) { cancel(enough) })
	err := new(hostMachine).Run(ctx, Command{Args: []string{"sh", "-c", "echo began; sleep 600"}, Stdout: began})
	if !errors.Is(err, enough) {
		t.Fatalf("%v, want %v", err, enough)
	}
}

func TestKindOfMachineThatWasAskedFor(t *testing.T) {
	t.Setenv("LVS_LAB", "cloud")
	if _, err := choose(Options{}); err == nil || !strings.Contains(err.Error(), "LVS_LAB is host, vm, or not set") {
		t.Errorf("unknown kind: %v", err)
	}
	t.Setenv("LVS_LAB", "vm")
	if kind, err := choose(Options{}); kind != KindVM || err != nil {
		t.Errorf("LVS_LAB=vm: %q, %v", kind, err)
	}
	t.Setenv("LVS_LAB", "host")
	var said bytes.Buffer
	kind, err := choose(Options{Progress: &said})
	if (kind == KindHost) != (Probe() == nil) || (kind == KindHost) == (err != nil) {
		t.Errorf("LVS_LAB=host: %q, %v", kind, err)
	}
}

func TestDetachedMachineNeedsAFolder(t *testing.T) {
	if _, err := Open(t.Context(), Options{Kind: KindVM, Detach: true}); err == nil {
		t.Fatal("a machine that nobody can attach to was opened")
	}
}

// writer is called with each piece of output.
type writer func([]byte)

func (w writer) Write(b []byte) (int, error) {
	w(b)
	return len(b), nil
}
