// SPDX-License-Identifier: Apache-2.0

// Package machine finds or makes a Linux kernel with IPVS (CONFIG_IP_VS) on which test hosts can be made as network
// namespaces: this host's own, or that of a virtual machine under qemu's software emulation. It never changes the host:
// it loads and installs nothing but the Debian packages that hack/packages.sh names, and leaves /dev/kvm alone.
package machine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/lvs-operator/lvs-operator/test/machine/wire"
)

// Machine is a Linux kernel with IPVS, for commands of the lab. Its methods may be called at the same time.
type Machine interface {
	// Run runs a command as root and returns when it ended: nil for exit code 0, *ExitError for any other end. The end of
	// ctx kills the command and its process group; Run then returns the cause.
	Run(ctx context.Context, command Command) error
	// HostAddress is the IPv4 address at which programs on the machine reach the caller's loopback address.
	HostAddress() string
	// Share is a folder, for the caller, that both sides write; only the caller's user reads it.
	Share() string
	// GuestShare is the path of Share for programs on the machine.
	GuestShare() string
	// Name tells people what this is: "this host, kernel 6.12.0".
	Name() string
	// Close ends the machine where it belongs to the caller alone, and removes what was made for it. A host, and a
	// machine that was opened with Detach or by Attach, goes on.
	Close() error
}

// Command is a program to run on a machine.
type Command struct {
	// Args is the program, found through the machine's PATH, and its arguments. The caller's files are at the same
	// paths; in a virtual machine what is written outside of the share stays in its memory.
	Args []string
	// Env holds NAME=value pairs that are added to the machine's own environment and win over it.
	Env []string
	// Dir is the working directory; empty means "/".
	Dir string
	// Stdin, Stdout and Stderr may be nil: nothing to read, or output thrown away.
	Stdin  io.Reader
	Stdout io.Writer
	Stderr io.Writer
	// Signals, if set, are passed on to the program, not to its children.
	Signals <-chan os.Signal
}

// ExitError says that a command ran and did not exit with 0.
type ExitError = wire.ExitError

// Options say which machine to open.
type Options struct {
	// Kind is "host" or "vm"; empty means what the environment variable LVS_LAB says, else the host where Probe finds it
	// fit, else a virtual machine.
	Kind string
	// Root is the folder of this module, where hack/ is; empty means the one above the working directory.
	Root string
	// StateDir keeps the share, the console's log and the state that Attach reads. Empty means a temporary folder that
	// Close removes; Detach needs one that is named.
	StateDir string
	// Detach lets the machine outlive this process, until Down.
	Detach bool
	// BootTimeout bounds the start of a virtual machine; 0 means 2 minutes.
	BootTimeout time.Duration
	// Progress gets lines for people, such as boot progress; nil means none.
	Progress io.Writer
}

// Kinds of machines, as in Options.Kind and the environment variable LVS_LAB.
const (
	KindHost = "host"
	KindVM   = "vm"
)

// Open returns a machine that is ready for commands.
func Open(ctx context.Context, options Options) (Machine, error) {
	if options.Progress == nil {
		options.Progress = io.Discard
	}
	if options.BootTimeout == 0 {
		options.BootTimeout = 2 * time.Minute
	}
	if options.Detach && options.StateDir == "" {
		return nil, errors.New("open machine: a machine that outlives its process needs a named state folder")
	}
	kind, err := choose(options)
	if err != nil {
		return nil, fmt.Errorf("open machine: %w", err)
	}
	if kind == KindVM {
		return openVM(ctx, options)
	}
	return openHost(options)
}

// choose returns the kind to open. A kind that was asked for is not second-guessed, except that a host which cannot do
// says why.
func choose(options Options) (string, error) {
	asked := options.Kind
	if asked == "" {
		asked = os.Getenv("LVS_LAB")
	}
	switch asked {
	case KindVM:
		return KindVM, nil
	case KindHost, "":
		err := Probe()
		if err == nil {
			return KindHost, nil
		}
		if asked == KindHost {
			return "", fmt.Errorf("this host: %w; LVS_LAB=vm uses a virtual machine", err)
		}
		_, _ = fmt.Fprintf(options.Progress, "lab: not on this host (%v); using a virtual machine\n", err)
		return KindVM, nil
	}
	return "", fmt.Errorf("unknown kind %q; LVS_LAB is host, vm, or not set", asked)
}
