// SPDX-License-Identifier: Apache-2.0

//go:build bench

// Package contest runs programs that a benchmark compares, and says what they use of the machine; it never judges a figure.
package contest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Program is a running program, the leader of its process group.
type Program struct{ cmd *exec.Cmd }

// Start runs a command, whose output goes to a file. The command has to make a process group of its own, as those of network.Host do.
func Start(cmd *exec.Cmd, log string) (*Program, error) {
	file, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	cmd.Stdout, cmd.Stderr = file, file
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", strings.Join(cmd.Args, " "), err)
	}
	return &Program{cmd}, nil
}

// Signal sends a signal to the program; SIGKILL to its whole group, as a power cut spares no child.
func (p *Program) Signal(signal syscall.Signal) error {
	to := p.cmd.Process.Pid
	if signal == syscall.SIGKILL {
		to = -to
	}
	return syscall.Kill(to, signal)
}

// Wait waits until the program has ended, in whatever way.
func (p *Program) Wait() { _ = p.cmd.Wait() }

// Usage is what the processes of a program's group use.
type Usage struct {
	// Processor is user and system time since they started, in steps of 10 ms.
	Processor time.Duration
	// Resident is the memory in use, in bytes; pages that processes share count for each.
	Resident int64
}

// Usage sums what /proc says of the group's processes.
func (p *Program) Usage() (Usage, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return Usage{}, err
	}
	var sum Usage
	for _, path := range stats {
		one, err := usageOf(path, p.cmd.Process.Pid)
		if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ESRCH) {
			return Usage{}, err
		}
		sum.Processor += one.Processor
		sum.Resident += one.Resident
	}
	return sum, nil
}

// usageOf reads proc_pid_stat(5) of a process in that process group; of another it is zero.
func usageOf(path string, group int) (Usage, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Usage{}, err
	}
	_, after, found := strings.Cut(string(text), ") ")
	fields := strings.Fields(after)
	if !found || len(fields) < 22 {
		return Usage{}, fmt.Errorf("read %s: %q", path, text)
	}
	if fields[2] != strconv.Itoa(group) {
		return Usage{}, nil
	}
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	pages, err3 := strconv.ParseInt(fields[21], 10, 64)
	const ticksPerSecond = 100 // USER_HZ
	return Usage{
		Processor: time.Duration(user+system) * time.Second / ticksPerSecond, Resident: pages * int64(os.Getpagesize()),
	}, errors.Join(err1, err2, err3)
}
