// SPDX-License-Identifier: Apache-2.0

package machine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/test/machine/wire"
)

// hostMachine runs commands as children of this process.
type hostMachine struct {
	share  string
	remove string // folder that Close removes, or empty
}

func openHost(options Options) (Machine, error) {
	if err := packages(options, "lab"); err != nil {
		return nil, err
	}
	dir, temporary, err := stateDir(options)
	if err != nil {
		return nil, err
	}
	m := &hostMachine{share: filepath.Join(dir, shareName)}
	if temporary {
		m.remove = dir
	}
	if err := os.MkdirAll(m.share, 0o700); err != nil {
		return nil, errors.Join(fmt.Errorf("make the share: %w", err), m.Close())
	}
	if options.Detach {
		if err := writeState(dir, state{Kind: KindHost}); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// HostAddress is the loopback address itself.
func (m *hostMachine) HostAddress() string { return "127.0.0.1" }

// Share is a folder like others here.
func (m *hostMachine) Share() string { return m.share }

// GuestShare is Share.
func (m *hostMachine) GuestShare() string { return m.share }

// Name says that there is no virtual machine.
func (m *hostMachine) Name() string { return "this host, kernel " + kernelRelease() }

// Close removes a temporary share.
func (m *hostMachine) Close() error {
	if m.remove == "" {
		return nil
	}
	return os.RemoveAll(m.remove)
}

// Run speaks to a command server in this process, so that a command meets the same rules as in a virtual machine.
func (m *hostMachine) Run(ctx context.Context, command Command) error {
	const token = "in-process"
	client, server := net.Pipe()
	served := make(chan struct{})
	go func() {
		defer close(served)
		(&wire.Server{Token: token}).Serve(server)
	}()
	err := wire.Run(ctx, client, request(token, command), streams(command))
	<-served // the process group has ended
	return err
}

func request(token string, command Command) wire.Request {
	dir := command.Dir
	if dir == "" {
		dir = "/"
	}
	return wire.Request{Token: token, Args: command.Args, Env: command.Env, Dir: dir}
}

func streams(command Command) wire.Streams {
	return wire.Streams{Stdin: command.Stdin, Stdout: command.Stdout, Stderr: command.Stderr, Signals: command.Signals}
}

func kernelRelease() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(name.Release[:])
}

// packages has hack/packages.sh install or name what the sets hold.
func packages(options Options, sets ...string) error {
	root, err := moduleRoot(options)
	if err != nil {
		return err
	}
	var said strings.Builder
	cmd := exec.Command(filepath.Join(root, "hack", "packages.sh"), sets...)
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("find the lab's programs: %w: %s", err, strings.TrimSpace(said.String()))
	}
	_, _ = fmt.Fprint(options.Progress, said.String())
	return nil
}

// moduleRoot returns the nearest folder, from the working directory up, that holds hack/packages.sh.
func moduleRoot(options Options) (string, error) {
	if options.Root != "" {
		return options.Root, nil
	}
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the module's folder: %w", err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "hack", "packages.sh")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("find the module's folder: no hack/packages.sh in %s or above; run inside the work tree", start)
		}
	}
}
