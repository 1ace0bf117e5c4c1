// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Down ends the processes of the control plane in dir, which another process may have started with [Options.Detach],
// and returns when they have ended: SIGTERM, then SIGKILL after 20 seconds. A process id that by now belongs to another
// program is left alone. Where nothing runs it returns nil. Keys, data and logs stay.
func Down(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("end the control plane: %w", err)
	}
	var errs []error
	for _, name := range []string{apiServerProgram, etcdProgram} {
		if err := end(layout(dir), name, stopGrace); err != nil {
			errs = append(errs, fmt.Errorf("end %s of the control plane in %s: %w", name, dir, err))
		}
	}
	return errors.Join(errs...)
}

// end ends one program of the control plane in l and forgets its process id.
func end(l layout, name string, grace time.Duration) error {
	text, err := os.ReadFile(l.pid(name))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 0 {
		return fmt.Errorf("%s holds no process id; remove it", l.pid(name))
	}
	if err := endProcess(pid, grace, func(cmdline []string) bool { return runs(cmdline, name, string(l)) }); err != nil {
		return fmt.Errorf("process %d: %w", pid, err)
	}
	if err := os.Remove(l.pid(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// endProcess ends pid if its command line is ours. The descriptor (pidfd_open(2)) is opened before the look at the
// command line, so the process that gets the signal is the one that was looked at, or none.
func endProcess(pid int, grace time.Duration, ours func(cmdline []string) bool) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("pidfd_open: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	if !ours(commandLine(pid)) {
		return nil
	}
	if err := signal(fd, unix.SIGTERM); err != nil {
		return err
	}
	ended, err := waitEnd(fd, grace)
	if err != nil || ended {
		return err
	}
	if err := signal(fd, unix.SIGKILL); err != nil {
		return err
	}
	if ended, err = waitEnd(fd, grace); err == nil && !ended {
		return fmt.Errorf("still there %s after SIGKILL", grace)
	}
	return err
}

// signal sends sig; a process that has ended is no error.
func signal(fd int, sig unix.Signal) error {
	if err := unix.PidfdSendSignal(fd, sig, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("send %s: %w", unix.SignalName(sig), err)
	}
	return nil
}

// waitEnd says whether the process ended within limit; its descriptor is readable from then on.
func waitEnd(fd int, limit time.Duration) (bool, error) {
	deadline := time.Now().Add(limit)
	for {
		left := max(0, time.Until(deadline))
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(left.Milliseconds()))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return false, fmt.Errorf("poll its pidfd: %w", err)
		}
		return n > 0, nil
	}
}

// runs reports whether cmdline is the named program working on the state under dir: both of ours have arguments that
// name a file there.
func runs(cmdline []string, name, dir string) bool {
	if len(cmdline) == 0 || filepath.Base(cmdline[0]) != name {
		return false
	}
	for _, arg := range cmdline[1:] {
		if _, value, ok := strings.Cut(arg, "="); ok && strings.HasPrefix(value, dir+string(filepath.Separator)) {
			return true
		}
	}
	return false
}

// commandLine is /proc/<pid>/cmdline (proc_pid_cmdline(5)), empty for a process that has ended.
func commandLine(pid int) []string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || len(data) == 0 {
		return nil
	}
	return strings.Split(strings.TrimRight(string(data), "\x00"), "\x00")
}
