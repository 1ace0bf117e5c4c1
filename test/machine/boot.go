// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/lvs-operator/lvs-operator/test/machine/layout"
)

// Attempts at a boot: another program may take the forwarded port between our look and qemu's.
const bootAttempts = 3

var errPortTaken = errors.New("the forwarded port was taken by another program")

func openVM(ctx context.Context, options Options) (Machine, error) {
	if err := packages(options, "lab", "vm"); err != nil {
		return nil, fmt.Errorf("open virtual machine: %w", err)
	}
	kernel, release, err := prepareKernel(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("open virtual machine: %w", err)
	}
	dir, temporary, err := stateDir(options)
	if err != nil {
		return nil, fmt.Errorf("open virtual machine: %w", err)
	}
	cleanUp := func() error {
		if temporary {
			return os.RemoveAll(dir)
		}
		return os.Remove(filepath.Join(dir, stateName))
	}
	m, err := boot(ctx, options, dir, kernel, release)
	if err != nil {
		if temporary {
			err = errors.Join(err, os.RemoveAll(dir))
		}
		return nil, fmt.Errorf("open virtual machine: %w", err)
	}
	if !options.Detach {
		m.end = func() error { return errors.Join(endProcess(dir, m.state.PID), cleanUp()) }
	}
	return m, nil
}

func boot(ctx context.Context, options Options, dir, kernel, release string) (*vmMachine, error) {
	if old, err := readState(dir); err == nil && old.Kind == KindVM && isOurs(dir, old.PID) {
		return nil, fmt.Errorf("a machine runs in %s already; attach to it or end it first", dir)
	}
	if err := fillShare(ctx, options, filepath.Join(dir, shareName)); err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		m, err := bootOnce(ctx, options, dir, kernel, release)
		if !errors.Is(err, errPortTaken) || attempt == bootAttempts {
			return m, err
		}
	}
}

func bootOnce(ctx context.Context, options Options, dir, kernel, release string) (*vmMachine, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	complaints, err := os.Create(filepath.Join(dir, "qemu.log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = complaints.Close() }() // qemu has its own handle
	cmd := exec.Command(qemu, qemuArgs(dir, kernel, port)...)
	cmd.Stderr = complaints
	began := time.Now()
	ended, err := start(cmd, options.Detach)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", qemu, err)
	}
	s := state{Kind: KindVM, PID: cmd.Process.Pid, Port: port, Kernel: release}
	m, err := newVM(dir, s)
	if err == nil {
		err = writeState(dir, s)
	}
	if err == nil {
		err = m.awaitBoot(ctx, options, ended)
	}
	if err != nil {
		return nil, errors.Join(bootError(dir, complaints.Name(), err), endProcess(dir, s.PID))
	}
	_, _ = fmt.Fprintf(options.Progress, "lab: %s, ready after %.1f s\n", m.Name(), time.Since(began).Seconds())
	return m, nil
}

// awaitBoot waits until the machine answers, has ended, or has had its time.
func (m *vmMachine) awaitBoot(ctx context.Context, options Options, ended <-chan error) error {
	_, _ = fmt.Fprintf(options.Progress, "lab: booting %s\n", m.Name())
	ctx, cancel := context.WithTimeoutCause(ctx, options.BootTimeout, fmt.Errorf("not ready within %s", options.BootTimeout))
	defer cancel()
	look, report := time.NewTicker(50*time.Millisecond), time.NewTicker(5*time.Second)
	defer look.Stop()
	defer report.Stop()
	began := time.Now()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case err := <-ended:
			return fmt.Errorf("%s ended: %w", qemu, errors.Join(err, errEnded))
		case <-report.C:
			_, _ = fmt.Fprintf(options.Progress, "lab: still booting after %.0f s\n", time.Since(began).Seconds())
		case <-look.C:
			if _, err := os.Stat(filepath.Join(m.Share(), layout.Ready)); err == nil {
				return m.answers(ctx)
			}
		}
	}
}

var errEnded = errors.New("the machine was not ready yet")

// bootError adds what qemu and the guest's console said last.
func bootError(dir, complaints string, err error) error {
	said := tail(complaints)
	if strings.Contains(said, "Could not set up host forwarding rule") {
		return fmt.Errorf("boot: %w: %s", errPortTaken, said)
	}
	return fmt.Errorf("boot: %w; %s said:\n%s\nthe console said:\n%s", err, qemu, said, consoleTail(dir))
}

func consoleTail(dir string) string { return tail(consolePath(dir)) }

// tail returns the last lines of a log, at most 16 KiB (a kernel's last words are long), or why there are none.
func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	text = bytes.TrimSpace(text)
	const most = 16 << 10
	if len(text) > most {
		text = text[len(text)-most:]
	}
	if len(text) == 0 {
		return "(nothing)"
	}
	return string(text)
}

// prepareKernel returns the folder with kernel, modules and initramfs, and the kernel's release.
func prepareKernel(ctx context.Context, options Options) (dir, release string, err error) {
	root, err := moduleRoot(options)
	if err != nil {
		return "", "", err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(root, "hack", "vm", "prepare.sh"))
	cmd.Stderr = options.Progress
	output, err := cmd.Output()
	if err != nil {
		return "", "", fmt.Errorf("hack/vm/prepare.sh: %w", err)
	}
	dir = strings.TrimSpace(string(output))
	text, err := os.ReadFile(filepath.Join(dir, "version"))
	if err != nil {
		return "", "", fmt.Errorf("hack/vm/prepare.sh: %w", err)
	}
	return dir, strings.TrimSpace(string(text)), nil
}

// fillShare puts the guest program and a new token into the share.
func fillShare(ctx context.Context, options Options, share string) error {
	root, err := moduleRoot(options)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(share, 0o700); err != nil {
		return fmt.Errorf("make the share: %w", err)
	}
	if err := os.RemoveAll(filepath.Join(share, layout.Ready)); err != nil {
		return fmt.Errorf("make the share: %w", err)
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	if err := os.WriteFile(filepath.Join(share, layout.Token), []byte(hex.EncodeToString(secret)), 0o600); err != nil {
		return fmt.Errorf("make the share: %w", err)
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(share, layout.Guest), "./test/machine/guest")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the guest program: %w: %s", err, bytes.TrimSpace(output))
	}
	return nil
}
