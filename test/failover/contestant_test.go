// SPDX-License-Identifier: Apache-2.0

//go:build bench

package failover

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/test/contest"
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
	// programs are the running ones, by director.
	programs [2]*contest.Program
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
	dir := t.TempDir()
	program, err := contest.Start(host.Command(t.Context(), c.command(t, dir, routers)...), filepath.Join(dir, "log"))
	check(t, err)
	c.programs[director] = program
}

// signal sends a director a signal.
func (c *contestant) signal(t *testing.T, director int, signal syscall.Signal) {
	t.Helper()
	check(t, c.programs[director].Signal(signal))
}

// wait waits until a director has ended.
func (c *contestant) wait(director int) {
	c.programs[director].Wait()
	c.programs[director] = nil
}

// kill ends both directors.
func (c *contestant) kill(t *testing.T) {
	for i, program := range c.programs {
		if program != nil {
			c.signal(t, i, syscall.SIGKILL)
			c.wait(i)
		}
	}
}

// processorTime is what a director's processes have used of the processors.
func (c *contestant) processorTime(t *testing.T, director int) time.Duration {
	t.Helper()
	used, err := c.programs[director].Usage()
	check(t, err)
	return used.Processor
}
