// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// manager is the operator's manager as a process of this host.
type manager struct {
	process *exec.Cmd
	ended   chan struct{}
	// err is how the process ended; to be read once ended is closed.
	err error
	log string
}

// startManager starts the manager and waits until it says that it is ready.
func startManager(ctx context.Context, program, kubeconfig, log string) (*manager, error) {
	probe, err := freeAddress()
	if err != nil {
		return nil, err
	}
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }() // the process has its own handle
	cmd := exec.Command(program, "--kubeconfig="+kubeconfig, "--leader-elect", "--namespace="+namespace,
		"--metrics-bind-address=0", "--health-probe-bind-address="+probe)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the manager: %w", err)
	}
	m := &manager{process: cmd, ended: make(chan struct{}), log: log}
	go func() {
		m.err = cmd.Wait()
		close(m.ended)
	}()
	if err := m.awaitReady(ctx, "http://"+probe+"/readyz"); err != nil {
		return nil, errors.Join(err, m.stop())
	}
	return m, nil
}

func (m *manager) awaitReady(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	every := time.NewTicker(100 * time.Millisecond)
	defer every.Stop()
	for {
		select {
		case <-m.ended:
			return fmt.Errorf("the manager ended before it was ready (%w); see %s", m.err, m.log)
		case <-ctx.Done():
			return fmt.Errorf("the manager was not ready within a minute: %w; see %s", ctx.Err(), m.log)
		case <-every.C:
			if ready(ctx, url) {
				return nil
			}
		}
	}
}

func ready(ctx context.Context, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
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

// stop ends the manager, by force if it takes longer than ten seconds.
func (m *manager) stop() error {
	_ = m.process.Process.Signal(syscall.SIGTERM)
	select {
	case <-m.ended:
		return nil
	case <-time.After(10 * time.Second):
	}
	if err := m.process.Process.Kill(); err != nil {
		return fmt.Errorf("end the manager: %w", err)
	}
	<-m.ended
	return nil
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}
