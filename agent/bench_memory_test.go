// SPDX-License-Identifier: Apache-2.0

//go:build bench

package agent

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// benchMemory measures how much memory an agent has that keeps a large table, in a process of its own that does nothing else.
func benchMemory(t *testing.T) float64 {
	t.Helper()
	command := exec.CommandContext(t.Context(), self(t), "-test.run=^TestMemoryOfAnAgent$", "-test.v")
	command.Env = append(os.Environ(), "LVS_BENCH_MEMORY=1")
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("measure the memory: %v: %s", err, out)
	}
	now, most := field(t, string(out), "VmRSS:"), field(t, string(out), "VmHWM:")
	fmt.Printf("\nMemory of an agent with 100000 destinations: %.0f MB, %.0f MB at most while it loaded them\n", now, most)
	return most
}

// TestMemoryOfAnAgent is the process of benchMemory.
func TestMemoryOfAnAgent(t *testing.T) {
	if os.Getenv("LVS_BENCH_MEMORY") == "" {
		t.Skip("run by TestBenchIPVS in a process of its own")
	}
	inNamespace(t)
	d := newDirector(t, benchTable{services: 10000, realServers: 10})
	d.resync = time.Nanosecond
	for range 12 { // every service is audited once, and a few twice
		d.pass(t.Context(), time.Now())
	}
	status, err := os.ReadFile("/proc/self/status")
	fail(t, err)
	fmt.Print(string(status))
}

// field reads a figure of proc_pid_status(5) in MB.
func field(t *testing.T, status, name string) float64 {
	t.Helper()
	for line := range strings.Lines(status) {
		if rest, found := strings.CutPrefix(line, name); found {
			kilobytes, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			fail(t, err)
			return kilobytes / 1024
		}
	}
	t.Fatalf("no %s in %s", name, status)
	return 0
}
