// SPDX-License-Identifier: Apache-2.0

//go:build bench

package failover

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/test/network"
)

// contestant is a program that runs a director.
type contestant struct {
	name string
	// command is what runs the director with these virtual routers. dir is its own, and empty at first.
	command func(t *testing.T, dir string, routers []router) []string
	// leaveAddresses, if set, makes a host what it is after the death of a director that was Active for the routers: one that starts
	// there needs nothing else to take part.
	leaveAddresses func(t *testing.T, host *network.Host, routers []router)
	// processes are the running ones, by director.
	processes [2]*exec.Cmd
	dirs      [2]string
}

// router is one virtual router of a director. Only that with the service's address has a service.
type router struct {
	vrid     uint8
	vip      string
	priority uint8
	interval time.Duration
}

// routersOf are the service's one router on a director.
func routersOf(director int, interval time.Duration) []router {
	return []router{{vrid: vrid, vip: vip, priority: uint8(100 - 10*director), interval: interval}}
}

// start runs a director.
func (c *contestant) start(t *testing.T, host *network.Host, director int, routers []router) {
	t.Helper()
	c.dirs[director] = t.TempDir()
	log, err := os.Create(filepath.Join(c.dirs[director], "log"))
	check(t, err)
	defer func() { _ = log.Close() }()
	cmd := host.Command(t.Context(), c.command(t, c.dirs[director], routers)...)
	cmd.Stdout, cmd.Stderr = log, log
	check(t, cmd.Start())
	c.processes[director] = cmd
}

// signal sends a director a signal.
func (c *contestant) signal(t *testing.T, director int, signal syscall.Signal) {
	t.Helper()
	to := c.processes[director].Process.Pid
	if signal == syscall.SIGKILL {
		to = -to // a power cut spares no child
	}
	check(t, syscall.Kill(to, signal))
}

// wait waits until a director has ended.
func (c *contestant) wait(director int) {
	_ = c.processes[director].Wait() // whatever it says: it was killed, or stopped
	c.processes[director] = nil
}

// kill ends both directors.
func (c *contestant) kill(t *testing.T) {
	for i, cmd := range c.processes {
		if cmd != nil {
			c.signal(t, i, syscall.SIGKILL)
			c.wait(i)
		}
	}
}

// processorTime is what a director's processes have used of the processors.
func (c *contestant) processorTime(t *testing.T, director int) time.Duration {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	check(t, err)
	var ticks int
	for _, path := range stats {
		used, err := ticksOf(path, c.processes[director].Process.Pid)
		if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ESRCH) {
			t.Fatal(err)
		}
		ticks += used
	}
	const ticksPerSecond = 100 // USER_HZ
	return time.Duration(ticks) * time.Second / ticksPerSecond
}

// ticksOf is utime and stime of a process in that process group, 0 of another; proc_pid_stat(5).
func ticksOf(path string, group int) (int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	_, after, found := strings.Cut(string(text), ") ")
	fields := strings.Fields(after)
	if !found || len(fields) < 13 {
		return 0, fmt.Errorf("read %s: %q", path, text)
	}
	if fields[2] != strconv.Itoa(group) {
		return 0, nil
	}
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	return user + system, errors.Join(err1, err2)
}
