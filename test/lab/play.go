// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/test/controlplane"
	"github.com/lvs-operator/lvs-operator/test/machine"
)

// storyGrace is how long a story that is told to end has for removing its hosts.
const storyGrace = 20 * time.Second

// namespace is where config/default installs the operator.
const namespace = "lvs-operator-system"

// Options say where a lab lives and to whom it speaks.
type Options struct {
	// Root is the folder of the module: bin/ with the built programs, config/, hack/.
	Root string
	// Dir holds the lab's state and logs. What an earlier run left there is removed first.
	Dir string
	// Out gets what the story prints, and progress.
	Out io.Writer
	// Keep leaves the story's hosts and agents running after the last step, until ctx ends.
	Keep bool
	// Control, if set, is told where the control server is.
	Control func(Control) error
	// Finished, if set, is told when the last step is over; failure is empty when every step held.
	Finished func(failure string)
}

// Lab is a running control plane with the operator's manager.
type Lab struct {
	options Options
	cp      *controlplane.ControlPlane
	control *control
	manager *manager
}

// Kubeconfig is the path of the administrator's kubeconfig in a lab's folder.
func Kubeconfig(dir string) string { return filepath.Join(dir, "kubeconfig") }

// Play starts the lab, plays the story on the machine with IPVS, and ends the lab. It returns nil when every step held.
func Play(ctx context.Context, options Options) (err error) {
	began := time.Now()
	release, err := claim(options.Dir)
	if err != nil {
		return err
	}
	defer release()
	// The machine comes first: what a host lacks for it is told before anything that takes long.
	m, err := machine.Open(ctx, machine.Options{Root: options.Root, StateDir: filepath.Join(options.Dir, "machine"), Progress: options.Out})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	l, err := start(ctx, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.stop()) }()
	if err := l.serve(m); err != nil {
		return err
	}
	setup, err := l.setup(ctx, m)
	if err != nil {
		return err
	}
	l.progress("lab: ready after %.0f s; logs are in %s", time.Since(began).Seconds(), options.Dir)
	if err := l.tell(ctx, m, setup); err != nil && ctx.Err() == nil {
		return fmt.Errorf("the story: %w", err)
	}
	return ctx.Err()
}

// tell runs the story. When ctx ends the story is told to end, so that it removes its hosts, and is killed if it takes too
// long.
func (l *Lab) tell(ctx context.Context, m machine.Machine, setup string) error {
	running, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	signals := make(chan os.Signal, 1)
	defer context.AfterFunc(ctx, func() {
		signals <- syscall.SIGTERM
		time.AfterFunc(storyGrace, kill)
	})()
	return m.Run(running, machine.Command{
		Args:   []string{filepath.Join(l.options.Root, "bin", "lab"), "story", setup},
		Stdout: l.options.Out, Stderr: l.options.Out, Signals: signals,
	})
}

// claim makes a lab's folder this process's own, and empties it of what an earlier lab left there.
func claim(dir string) (release func(), err error) {
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(dir+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another lab runs in %s: wait for its end, or end a kept one with `make demo-down`", dir), lock.Close())
	}
	if err := os.RemoveAll(dir); err != nil {
		return nil, errors.Join(fmt.Errorf("remove the earlier lab in %s: %w", dir, err), lock.Close())
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return func() { _ = lock.Close() }, nil
}

func (l *Lab) progress(format string, args ...any) {
	_, _ = fmt.Fprintf(l.options.Out, format+"\n", args...)
}

// start brings up the API server with the operator's configuration, the nodes and the manager.
func start(ctx context.Context, options Options) (*Lab, error) {
	l := &Lab{options: options}
	l.progress("lab: starting etcd and kube-apiserver")
	cp, err := controlplane.Start(ctx, controlplane.Options{Dir: filepath.Join(options.Dir, "controlplane")})
	if err != nil {
		return nil, err
	}
	l.cp = cp
	if err := l.install(ctx); err != nil {
		return nil, errors.Join(err, l.stop())
	}
	return l, nil
}

// install does what an administrator does on a new cluster, and starts the manager as its service account.
func (l *Lab) install(ctx context.Context) error {
	if err := controlplane.WriteKubeconfig(Kubeconfig(l.options.Dir), l.cp.RESTConfig()); err != nil {
		return err
	}
	l.progress("lab: kubectl apply -k config/default")
	if _, err := l.cp.Kubectl(ctx, "apply", "--server-side", "-k", filepath.Join(l.options.Root, "config", "default")); err != nil {
		return err
	}
	if _, err := l.cp.Kubectl(ctx, "wait", "--for=condition=Established", "--timeout=30s", "crd", "--all"); err != nil {
		return err
	}
	if err := createNodes(ctx, l.cp.RESTConfig()); err != nil {
		return err
	}
	kubeconfig := filepath.Join(l.options.Dir, "manager.kubeconfig")
	if err := l.cp.ServiceAccountKubeconfig(ctx, kubeconfig, "", "", namespace, "lvs-operator-manager"); err != nil {
		return err
	}
	l.progress("lab: starting the manager as service account lvs-operator-manager")
	started, err := startManager(ctx, filepath.Join(l.options.Root, "bin", "manager"), kubeconfig, filepath.Join(l.options.Dir, "manager.log"))
	if err != nil {
		return err
	}
	l.manager = started
	return nil
}

// serve starts the control server for a story on m.
func (l *Lab) serve(m machine.Machine) error {
	finished := l.options.Finished
	if finished == nil {
		finished = func(string) {}
	}
	execute := func(ctx context.Context, args []string) ([]byte, error) {
		var out bytes.Buffer
		args[0] = NetworkName + "-" + args[0]
		err := m.Run(ctx, machine.Command{Args: append([]string{"ip", "netns", "exec"}, args...), Stdout: &out, Stderr: &out})
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out.Bytes())
		}
		return out.Bytes(), err
	}
	var err error
	if l.control, err = startControl(l.cp, finished, execute); err != nil {
		return err
	}
	if l.options.Control != nil {
		return l.options.Control(l.control.address("127.0.0.1"))
	}
	return nil
}

// setup writes what the story needs to know into the machine's share, and returns the file's path on the machine.
func (l *Lab) setup(ctx context.Context, m machine.Machine) (string, error) {
	_, port, err := net.SplitHostPort(l.cp.Endpoint())
	if err != nil {
		return "", fmt.Errorf("the API server's endpoint: %w", err)
	}
	kubeconfig := filepath.Join(m.Share(), "agent.kubeconfig")
	if err := l.cp.ServiceAccountKubeconfig(ctx, kubeconfig, "https://"+ProxyAddress, "localhost", namespace, "lvs-operator-agent"); err != nil {
		return "", err
	}
	s := Setup{
		Bin:             filepath.Join(l.options.Root, "bin"),
		Samples:         filepath.Join(l.options.Root, "config", "samples"),
		Work:            filepath.Join(m.GuestShare(), "work"),
		APIServer:       net.JoinHostPort(m.HostAddress(), port),
		AgentKubeconfig: filepath.Join(m.GuestShare(), "agent.kubeconfig"),
		Control:         l.control.address(m.HostAddress()),
		Keep:            l.options.Keep,
	}
	if err := s.write(filepath.Join(m.Share(), "setup.json")); err != nil {
		return "", fmt.Errorf("write the story's setup: %w", err)
	}
	return filepath.Join(m.GuestShare(), "setup.json"), nil
}

func (l *Lab) stop() error {
	if l.control != nil {
		l.control.stop()
	}
	if l.manager != nil {
		l.manager.stop()
	}
	return l.cp.Stop()
}
