// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/test/controlplane"
	"github.com/lvs-operator/lvs-operator/test/machine"
)

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
	// Packages are the sets of hack/packages.sh that the stories need beside the machine's own. Those that are missing are
	// installed first.
	Packages []string
	// Keep leaves a story's hosts and agents running after the last step, until ctx ends.
	Keep bool
	// Control, if set, is told where the control server is.
	Control func(Control) error
	// Finished, if set, is told when the last step is over.
	Finished func(Result)
}

// Lab is a running control plane with the operator's manager, and the machine on which stories are played.
type Lab struct {
	options Options
	release func()
	machine machine.Machine
	cp      *controlplane.ControlPlane
	control *control
	manager *manager
	played  bool
	// result is what the story that is played said when its last step was over.
	result atomic.Pointer[Result]
}

// Kubeconfig is the path of the administrator's kubeconfig in a lab's folder.
func Kubeconfig(dir string) string { return filepath.Join(dir, "kubeconfig") }

// Open starts the lab. Close ends it.
func Open(ctx context.Context, options Options) (*Lab, error) {
	began := time.Now()
	release, err := claim(options.Dir)
	if err != nil {
		return nil, err
	}
	l := &Lab{options: options, release: release}
	if err := l.start(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	l.progress("lab: ready after %.0f s; logs are in %s", time.Since(began).Seconds(), options.Dir)
	return l, nil
}

// Close ends the lab.
func (l *Lab) Close() error {
	defer l.release()
	var problems []error
	if l.control != nil {
		l.control.stop()
	}
	if l.manager != nil {
		l.manager.stop()
	}
	if l.cp != nil {
		problems = append(problems, l.cp.Stop())
	}
	if l.machine != nil {
		problems = append(problems, l.machine.Close())
	}
	return errors.Join(problems...)
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

// start brings up the machine, the API server with the operator's configuration, the manager and the control server.
func (l *Lab) start(ctx context.Context) (err error) {
	// The machine comes first: what a host lacks for it is told before anything that takes long.
	if err := installPackages(ctx, l.options); err != nil {
		return err
	}
	l.machine, err = machine.Open(ctx, machine.Options{Root: l.options.Root, StateDir: filepath.Join(l.options.Dir, "machine"), Progress: l.options.Out})
	if err != nil {
		return err
	}
	l.progress("lab: starting etcd and kube-apiserver")
	if l.cp, err = controlplane.Start(ctx, controlplane.Options{Dir: filepath.Join(l.options.Dir, "controlplane")}); err != nil {
		return err
	}
	if err := l.install(ctx); err != nil {
		return err
	}
	return l.serve()
}

// installPackages has hack/packages.sh install or name what the stories need.
func installPackages(ctx context.Context, options Options) error {
	if len(options.Packages) == 0 {
		return nil
	}
	cmd := exec.CommandContext(ctx, filepath.Join(options.Root, "hack", "packages.sh"), options.Packages...)
	cmd.Stdout, cmd.Stderr = options.Out, options.Out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("find the stories' programs: %w", err)
	}
	return nil
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

// serve starts the control server for the stories.
func (l *Lab) serve() error {
	finished := func(result Result) {
		l.result.Store(&result)
		if l.options.Finished != nil {
			l.options.Finished(result)
		}
	}
	execute := func(ctx context.Context, args []string) ([]byte, error) {
		var out bytes.Buffer
		args[0] = NetworkName + "-" + args[0]
		err := l.machine.Run(ctx, machine.Command{Args: append([]string{"ip", "netns", "exec"}, args...), Stdout: &out, Stderr: &out})
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
