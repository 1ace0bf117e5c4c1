// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// Process is a program on a host.
type Process struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

// Start starts a program on a host, with its output appended to a log. It lives until it is killed or the network is closed.
func (s *Stage) Start(ctx context.Context, host, program string, args ...string) (*Process, error) {
	log, err := os.OpenFile(s.logFile(program, host), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the process has its own handle
	cmd := s.hosts[host].Command(ctx, append([]string{program}, args...)...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s on %s: %w", program, host, err)
	}
	p := &Process{cmd: cmd, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// Kill ends the process as a crash does, and returns when it is gone. A process that has ended is no error: its id may be
// another's by now.
func (p *Process) Kill() {
	select {
	case <-p.ended:
		return
	default:
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.ended
}

// Stop asks the process to end, and returns when it is gone.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // one that has ended is no error
	<-p.ended
}

// StartServer starts a TCP server on a host, on all its addresses, that says the host's name to each client.
func (s *Stage) StartServer(ctx context.Context, host string, port int) error {
	p, err := s.Start(ctx, host, s.File("hosttool"), "serve", "-listen", fmt.Sprintf("0.0.0.0:%d", port), "-name", host)
	if err != nil {
		return err
	}
	s.servers[place{host, port}] = p
	return nil
}

// place is where a server listens.
type place struct {
	host string
	port int
}

// KillServer ends a server as a crash does.
func (s *Stage) KillServer(host string, port int) { s.servers[place{host, port}].Kill() }
