// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// pollInterval is the time between two questions whether a process is ready.
	pollInterval = 100 * time.Millisecond
	// requestTimeout bounds one such question.
	requestTimeout = 5 * time.Second
	// logTailLines and logTailBytes bound what of a log an error carries.
	logTailLines = 20
	logTailBytes = 8 << 10
)

// program says what to run. All paths are absolute.
type program struct {
	name   string
	path   string
	args   []string
	dir    string // working directory and HOME
	log    string // file that receives both outputs, after what it holds
	pid    string // file that holds the process id while the process runs
	detach bool   // outlive this process
}

// process is a program that was started. err is exec.Cmd.Wait's and may be read once done is closed.
type process struct {
	program
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// start runs the program with an environment of its own, so that no ETCD_ or proxy variable of the caller's changes
// what it does. It returns once the program was executed, which is not yet when it is ready.
func (pr program) start() (*process, error) {
	log, err := os.OpenFile(pr.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: open its log: %w", pr.name, err)
	}
	defer func() { _ = log.Close() }() // the child has its own descriptor

	cmd := exec.Command(pr.path, pr.args...)
	cmd.Dir = pr.dir
	cmd.Env = []string{"HOME=" + pr.dir, "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = sysProcAttr(pr.detach)

	p := &process{program: pr, cmd: cmd, done: make(chan struct{})}
	if err := p.spawn(); err != nil {
		return nil, fmt.Errorf("start %s: %w", pr.name, err)
	}
	if err := os.WriteFile(pr.pid, []byte(strconv.Itoa(cmd.Process.Pid)+"\n"), 0o600); err != nil {
		p.terminate(stopGrace)
		return nil, fmt.Errorf("start %s: write its process id: %w", pr.name, err)
	}
	return p, nil
}

// sysProcAttr keeps a terminal's Ctrl-C from the child, so that whoever started it ends it in order.
func sysProcAttr(detach bool) *syscall.SysProcAttr {
	if detach {
		return &syscall.SysProcAttr{Setsid: true}
	}
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// spawn holds one thread for the child's life: PR_SET_PDEATHSIG(2const) fires when the thread that forked ends, not
// when the process does.
func (p *process) spawn() error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
			close(p.done)
		}
	}()
	return <-started
}

// waitReady returns once url answers 200, or fails when ctx or the process ends.
func (p *process) waitReady(ctx context.Context, client *http.Client, url string) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := get(ctx, client, url)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("start %s: not ready (%w): %w; end of %s:\n%s", p.name, ctx.Err(), err, p.log, logTail(p.log))
		case <-p.done:
			return fmt.Errorf("start %s: %w", p.name, p.endedByItself())
		case <-tick.C:
		}
	}
}

// stop terminates the process, with an error if it had ended before it was told to.
func (p *process) stop(grace time.Duration) error {
	if p.terminate(grace) {
		return nil
	}
	return fmt.Errorf("stop %s: %w", p.name, p.endedByItself())
}

// terminate sends SIGTERM, waits for grace, then sends SIGKILL. It returns once the process has ended, with false if it
// had done so before.
func (p *process) terminate(grace time.Duration) bool {
	// The id means nothing from here on, and Down copes with a file that stayed.
	defer func() { _ = os.Remove(p.pid) }()
	select {
	case <-p.done:
		return false
	default:
	}
	// A signal fails only on a process that has just ended, which the wait notices.
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	return true
}

// endedByItself describes a process that is done.
func (p *process) endedByItself() error {
	how := "exit status 0"
	if p.err != nil {
		how = p.err.Error()
	}
	return fmt.Errorf("it ended by itself with %s; end of %s:\n%s", how, p.log, logTail(p.log))
}

// get returns nil if url answers 200.
func get(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return nil
}

// logTail is the end of the file at path, whole lines only, or why it cannot be read.
func logTail(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = f.Close() }()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err.Error()
	}
	start := max(0, size-logTailBytes)
	data := make([]byte, size-start)
	n, err := f.ReadAt(data, start)
	if err != nil && !errors.Is(err, io.EOF) {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(data[:n]), "\n"), "\n")
	if start > 0 && len(lines) > 1 {
		lines = lines[1:] // its beginning was cut off
	}
	return strings.Join(lines[max(0, len(lines)-logTailLines):], "\n")
}
