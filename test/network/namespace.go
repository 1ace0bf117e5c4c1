// SPDX-License-Identifier: Apache-2.0

package network

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// namespace is a network namespace by its name in ip-netns(8).
type namespace string

// add and remove leave to ip(8) what makes a namespace known to other programs.
func (n namespace) add() error { return netnsCommand("add", n) }

func (n namespace) remove() error { return netnsCommand("delete", n) }

func netnsCommand(verb string, n namespace) error {
	output, err := exec.Command("ip", "netns", verb, string(n)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip netns %s %s: %w: %s", verb, n, err, bytes.TrimSpace(output))
	}
	return nil
}

// sysctl writes a value below /proc/sys, where net/ is that of the writing thread's namespace.
func (n namespace) sysctl(name, value string) error {
	return n.do(func() error { return os.WriteFile(filepath.Join("/proc/sys", name), []byte(value), 0o644) })
}

// do calls f on a thread that is in the namespace.
func (n namespace) do(f func() error) error {
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer func() {
		// A thread that cannot go home stays locked, and so ends with its goroutine instead of serving another.
		if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		_ = home.Close()
	}()
	there, err := os.Open(filepath.Join(namespaceDir, string(n)))
	if err != nil {
		return err
	}
	defer func() { _ = there.Close() }()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter network namespace %s: %w", n, err)
	}
	return f()
}
