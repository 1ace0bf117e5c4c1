// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/lvs-operator/lvs-operator/test/machine"
)

// storyGrace is how long a story that is told to end has for removing its hosts.
const storyGrace = 20 * time.Second

// Play plays the story of that name on the machine, in a cluster without anything of an earlier one. It returns nil when every
// step held.
func (l *Lab) Play(ctx context.Context, story string) error {
	if l.played {
		l.progress("lab: removing what the story before left in the cluster")
		if err := l.clear(ctx); err != nil {
			return fmt.Errorf("remove what the story before left in the cluster: %w", err)
		}
	}
	l.played = true
	setup, err := l.setup(ctx, story)
	if err != nil {
		return err
	}
	l.progress("lab: playing %s", story)
	l.result.Store(nil)
	if err := l.tell(ctx, setup); err != nil && ctx.Err() == nil {
		return fmt.Errorf("the story %s: %w", story, l.explain(err))
	}
	return ctx.Err()
}

// explain is what the story said of its end, where it came to that: err is that its process failed.
func (l *Lab) explain(err error) error {
	result := l.result.Load()
	switch {
	case result == nil || result.Failure == "":
		return err
	case result.Disturbed:
		return disturbed(result.Failure)
	}
	return errors.New(result.Failure)
}

// ErrDisturbed says that a story failed while the machine stood still: it may hold when it is played again.
var ErrDisturbed = errors.New("the machine was busy with something else")

// disturbed is a failure that says so itself, and is ErrDisturbed.
type disturbed string

// Error is what failed.
func (d disturbed) Error() string { return string(d) }

// Is implements errors.Is.
func (d disturbed) Is(target error) bool { return target == ErrDisturbed }

// tell runs the story. When ctx ends the story is told to end, so that it removes its hosts, and is killed if it takes too
// long.
func (l *Lab) tell(ctx context.Context, setup string) error {
	running, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	signals := make(chan os.Signal, 1)
	defer context.AfterFunc(ctx, func() {
		signals <- syscall.SIGTERM
		time.AfterFunc(storyGrace, kill)
	})()
	return l.machine.Run(running, machine.Command{
		Args:   []string{filepath.Join(l.options.Root, "bin", "lab"), "story", setup},
		Stdout: l.options.Out, Stderr: l.options.Out, Signals: signals,
	})
}

// setup writes what the story needs to know into the machine's share, and returns the file's path on the machine.
func (l *Lab) setup(ctx context.Context, story string) (string, error) {
	m := l.machine
	_, port, err := net.SplitHostPort(l.cp.Endpoint())
	if err != nil {
		return "", fmt.Errorf("the API server's endpoint: %w", err)
	}
	kubeconfig := filepath.Join(m.Share(), "agent.kubeconfig")
	if err := l.cp.ServiceAccountKubeconfig(ctx, kubeconfig, "https://"+ProxyAddress, "localhost", namespace, "lvs-operator-agent"); err != nil {
		return "", err
	}
	s := Setup{
		Story:           story,
		Bin:             filepath.Join(l.options.Root, "bin"),
		Samples:         filepath.Join(l.options.Root, "config", "samples"),
		Work:            filepath.Join(m.GuestShare(), "work", story),
		APIServer:       net.JoinHostPort(m.HostAddress(), port),
		AgentKubeconfig: filepath.Join(m.GuestShare(), "agent.kubeconfig"),
		Control:         l.control.address(m.HostAddress()),
		// A machine with files of its own is a virtual one.
		OwnKernel: m.GuestShare() != m.Share(),
		Keep:      l.options.Keep,
	}
	if err := s.write(filepath.Join(m.Share(), "setup.json")); err != nil {
		return "", fmt.Errorf("write the story's setup: %w", err)
	}
	return filepath.Join(m.GuestShare(), "setup.json"), nil
}
