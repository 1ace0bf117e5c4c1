// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

const (
	// managerStart bounds the wait for a manager to be ready.
	managerStart = time.Minute
	// managerPause is between the end of a manager and the next one's start.
	managerPause = time.Second
	// managerGrace is between SIGTERM and SIGKILL.
	managerGrace = 10 * time.Second
)

// manager keeps one of the operator's manager running, as its Deployment does: a manager that loses its lease, because the
// API server is away, ends, and is started again.
type manager struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// startManager returns when the manager says that it is ready.
func startManager(ctx context.Context, program, kubeconfig, log string) (*manager, error) {
	probe, err := freeAddress()
	if err != nil {
		return nil, err
	}
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	running, cancel := context.WithCancel(context.Background())
	m := &manager{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(m.done)
		defer func() { _ = out.Close() }()
		// The thread that starts a process with Pdeathsig has to live as long as the process.
		runtime.LockOSThread()
		for running.Err() == nil {
			cmd := exec.CommandContext(running, program, "--kubeconfig="+kubeconfig, "--leader-elect", "--namespace="+namespace,
				"--metrics-bind-address=0", "--health-probe-bind-address="+probe)
			cmd.Stdout, cmd.Stderr = out, out
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
			cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
			cmd.WaitDelay = managerGrace
			_, _ = fmt.Fprintf(out, "the manager ended: %v\n", cmd.Run())
			wait(running, managerPause)
		}
	}()
	if err := awaitReady(ctx, "http://"+probe+"/readyz"); err != nil {
		m.stop()
		return nil, fmt.Errorf("%w; see %s", err, log)
	}
	return m, nil
}

// stop ends the manager, by force if it takes too long.
func (m *manager) stop() {
	m.cancel()
	<-m.done
}

func awaitReady(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, managerStart)
	defer cancel()
	for !ready(ctx, url) {
		if ctx.Err() != nil {
			return fmt.Errorf("the manager was not ready within %s: %w", managerStart, ctx.Err())
		}
		wait(ctx, 100*time.Millisecond)
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func ready(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}
