// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// process starts a program that waits for ever, and ends it with the test.
func process(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	cmd.Args = append([]string{name}, args...)
	if len(args) > 0 {
		cmd = exec.Command("sh", "-c", "read line", "")
		cmd.Args = append([]string{name, "-c", "read line"}, args...)
	}
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = stdin.Close()
	})
	return cmd
}

func TestDownEndsTheQemuOfItsFolder(t *testing.T) {
	dir := t.TempDir()
	cmd := process(t, qemu, "-serial", "file:"+consolePath(dir), "")
	if err := writeState(dir, state{Kind: KindVM, PID: cmd.Process.Pid}); err != nil {
		t.Fatal(err)
	}
	if err := Down(dir); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGTERM {
		t.Errorf("process ended with %v, want it told to end", cmd.ProcessState)
	}
	if _, err := Attach(dir); err == nil {
		t.Error("a machine that was ended can be attached to")
	}
	if err := Down(dir); err != nil {
		t.Errorf("ending it again: %v", err)
	}
}

func TestDownLeavesOtherProcessesAlone(t *testing.T) {
	other := t.TempDir()
	for name, cmd := range map[string]*exec.Cmd{
		"a program that got qemu's number":    process(t, "sleep"),
		"the qemu of another folder":          process(t, qemu, "-serial", "file:"+consolePath(other), ""),
		"another program that names the file": process(t, "tail", "file:"+consolePath(other), ""),
	} {
		dir := t.TempDir()
		if name == "another program that names the file" {
			dir = other
		}
		if err := writeState(dir, state{Kind: KindVM, PID: cmd.Process.Pid}); err != nil {
			t.Fatal(err)
		}
		if _, err := Attach(dir); err == nil || !strings.Contains(err.Error(), "has ended") {
			t.Errorf("%s: attached to it: %v", name, err)
		}
		if err := Down(dir); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := cmd.Process.Signal(syscall.Signal(0)); err != nil {
			t.Errorf("%s was ended", name)
		}
	}
}

func TestAttachToAFolderWithoutAMachine(t *testing.T) {
	if _, err := Attach(t.TempDir()); err == nil || !strings.Contains(err.Error(), "read the state of the machine in") {
		t.Fatalf("got %v", err)
	}
}

func TestTailOfALogIsBounded(t *testing.T) {
	path := t.TempDir() + "/console.log"
	if err := os.WriteFile(path, []byte(strings.Repeat("x", 100_000)+"Kernel panic\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := tail(path); len(got) != 16<<10 || !strings.HasSuffix(got, "xKernel panic") {
		t.Fatalf("%d bytes, ending in %q", len(got), got[len(got)-20:])
	}
}
