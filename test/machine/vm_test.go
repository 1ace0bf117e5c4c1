// SPDX-License-Identifier: Apache-2.0

//go:build vm

package machine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestVirtualMachine boots one machine and leaves it running while another process would have ended.
func TestVirtualMachine(t *testing.T) {
	dir := t.TempDir()
	opened, err := Open(t.Context(), Options{Kind: KindVM, StateDir: dir, Detach: true, Progress: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Down(dir); err != nil {
			t.Error(err)
		}
	})
	if err := opened.Close(); err != nil {
		t.Fatal(err)
	}
	m, err := Attach(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, story := range []struct {
		name string
		run  func(*testing.T, Machine)
	}{
		{"its kernel has IPVS with all schedulers", hasIPVS},
		{"its clock is the caller's", sharesTheClock},
		{"it sees what the caller built since", seesNewFiles},
		{"it cannot change the caller's files", cannotChangeFiles},
		{"both sides write the share", sharesFiles},
		{"it reaches the caller's loopback address", reachesTheCaller},
		{"a cancelled command leaves no process", leavesNoProcess},
		{"orphans are collected", collectsOrphans},
		{"a second one in the same folder is refused", refusesASecond},
	} {
		t.Run(story.name, func(t *testing.T) { story.run(t, m) })
	}
}

func output(t *testing.T, m Machine, script string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	err := m.Run(t.Context(), Command{Args: []string{"sh", "-c", script}, Stdout: &stdout, Stderr: &stderr})
	if err != nil {
		t.Fatalf("%s: %v: %s", script, err, stderr.String())
	}
	return strings.TrimSpace(stdout.String())
}

func hasIPVS(t *testing.T, m Machine) {
	output(t, m, `ip netns add probe
		for s in rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh; do
			ip netns exec probe ipvsadm -A -t 192.0.2.10:80 -s $s && ip netns exec probe ipvsadm -D -t 192.0.2.10:80 || exit 1
		done
		ip netns del probe`)
}

func sharesTheClock(t *testing.T, m Machine) {
	output(t, m, "date -s '2001-01-01 00:00:00'")
	seconds, err := strconv.ParseInt(output(t, m, "date +%s"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if off := time.Since(time.Unix(seconds, 0)); off.Abs() > 5*time.Second {
		t.Errorf("clock is off by %s", off)
	}
}

func seesNewFiles(t *testing.T, m Machine) {
	path := filepath.Join(t.TempDir(), "program")
	for _, version := range []string{"one", "two, which is longer"} {
		output(t, m, "test -x "+path+" || true")
		script := fmt.Sprintf("#!/bin/sh\necho '%s'\n", version)
		if err := errors.Join(os.RemoveAll(path), os.WriteFile(path, []byte(script), 0o755)); err != nil {
			t.Fatal(err)
		}
		if got := output(t, m, path); got != version {
			t.Errorf("ran %q, want %q", got, version)
		}
	}
}

func cannotChangeFiles(t *testing.T, m Machine) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("as it was"), 0o600); err != nil {
		t.Fatal(err)
	}
	output(t, m, "echo changed >"+path)
	if text, err := os.ReadFile(path); err != nil || string(text) != "as it was" {
		t.Errorf("%q, %v", text, err)
	}
}

func sharesFiles(t *testing.T, m Machine) {
	if err := os.WriteFile(filepath.Join(m.Share(), "in"), []byte("in and out"), 0o600); err != nil {
		t.Fatal(err)
	}
	output(t, m, "cp "+m.GuestShare()+"/in "+m.GuestShare()+"/out")
	if text, err := os.ReadFile(filepath.Join(m.Share(), "out")); err != nil || string(text) != "in and out" {
		t.Errorf("%q, %v", text, err)
	}
}

func reachesTheCaller(t *testing.T, m Machine) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("the caller"))
	}))
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	if got := output(t, m, "busybox wget -qO- http://"+net.JoinHostPort(m.HostAddress(), port)); got != "the caller" {
		t.Errorf("got %q", got)
	}
}

func leavesNoProcess(t *testing.T, m Machine) {
	ctx, cancel := context.WithCancel(t.Context())
	began := writer(func([]byte) { cancel() })
	err := m.Run(ctx, Command{Args: []string{"sh", "-c", "echo began; sleep 4321 & sleep 4321"}, Stdout: began})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	output(t, m, `for try in $(seq 100); do pgrep -f '^sleep 4321' >/dev/null || exit 0; sleep 0.1; done; exit 1`)
}

func collectsOrphans(t *testing.T, m Machine) {
	output(t, m, `setsid sh -c 'sleep 0.1' & exit 0`)
	output(t, m, `for try in $(seq 100); do grep -qs '^State:.Z' /proc/[0-9]*/status || exit 0; sleep 0.1; done; exit 1`)
}

func refusesASecond(t *testing.T, m Machine) {
	_, err := Open(t.Context(), Options{Kind: KindVM, StateDir: filepath.Dir(m.Share())})
	if err == nil || !strings.Contains(err.Error(), "a machine runs in") {
		t.Fatalf("got %v", err)
	}
}
