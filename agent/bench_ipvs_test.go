// SPDX-License-Identifier: Apache-2.0

//go:build bench

package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/lvs-operator/lvs-operator/agent/kernel"
)

// rounds is how often each thing is measured. The rounds of those that are compared take turns, so that a machine that slows
// down slows all of them down.
const rounds = 5

// TestBenchIPVS measures the agent's IPVS against its peers on one kernel: see docs/benchmarks.md. Its last line holds the
// figures as key=value pairs.
func TestBenchIPVS(t *testing.T) {
	inNamespace(t)
	small, large := benchTable{services: 1000, realServers: 10}, benchTable{services: 10000, realServers: 10}
	benchLoad(t, small)
	loads := benchLoad(t, large)
	readBack := benchReadBack(t, large)
	growth := benchChange(t)
	memory := benchMemory(t)
	fmt.Printf("bench-ipvs vs_ipvsadm=%.2f vs_moby=%.2f vs_limit=%.2f readback_vs_ipvsadm=%.2f one_change_growth=%.2f rss_mb=%.0f\n",
		ratio(loads["ipvsadm --restore"], loads["ours"]), ratio(loads["moby/ipvs"], loads["ours"]), ratio(loads["ours"], loads["limit"]),
		ratio(readBack["ours"], readBack["ipvsadm -S -n"]), growth, memory)
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

// contest measures what each contestant needs, in turns, and prints and returns the medians.
func contest(t *testing.T, title string, contestants []contestant) map[string]time.Duration {
	t.Helper()
	times := map[string][]time.Duration{}
	for range rounds {
		for turn := range closeTurns {
			for _, c := range contestants {
				if turn > 0 && !c.close {
					continue
				}
				runtime.GC()
				took, err := c.turn(t)
				if err != nil {
					t.Fatalf("%s: %s: %v", title, c.name, err)
				}
				times[c.name] = append(times[c.name], took)
			}
		}
	}
	medians := map[string]time.Duration{}
	fmt.Printf("\n%s\n", title)
	for _, c := range contestants {
		slices.Sort(times[c.name])
		medians[c.name] = times[c.name][len(times[c.name])/2]
		fmt.Printf("  %-18s median %8.3f s   (%.3f to %.3f s)\n", c.name, medians[c.name].Seconds(), times[c.name][0].Seconds(), times[c.name][len(times[c.name])-1].Seconds())
	}
	return medians
}

// contestant is one way to do a thing. turn does it once and says how long that took.
type contestant struct {
	name string
	turn func(t *testing.T) (time.Duration, error)
	// close says that another contestant is so close that the machine's noise would decide: it has closeTurns turns a round.
	close bool
}

// closeTurns is the number of turns a round of contestants that are close to each other.
const closeTurns = 3

// timed is a turn of something that needs no preparation.
func timed(do func() error) func(*testing.T) (time.Duration, error) {
	return func(*testing.T) (time.Duration, error) {
		began := time.Now()
		err := do()
		return time.Since(began), err
	}
}

// fresh is a turn in a network namespace that nobody has used: after a flush the kernel keeps deleted destinations for two
// minutes, and looks through all of them whenever one is added. prepare is not timed; it returns what is, and what ends it. The
// turn is over when the kernel has taken the namespace down.
func fresh(prepare func(t *testing.T) (do func() error, end func())) func(*testing.T) (time.Duration, error) {
	return func(t *testing.T) (took time.Duration, err error) {
		before := perCPU(t)
		t.Run("turn", func(t *testing.T) {
			inNamespace(t)
			do, end := prepare(t)
			defer end()
			took, err = timed(do)(t)
		})
		for waited := time.Now(); perCPU(t) > before+before/10 && time.Since(waited) < time.Minute; {
			time.Sleep(100 * time.Millisecond)
		}
		return took, err
	}
}

// perCPU is the kernel's per-processor memory in kilobytes (proc_meminfo(5)), where the statistics of services and destinations
// are.
func perCPU(t *testing.T) int {
	t.Helper()
	info, err := os.ReadFile("/proc/meminfo")
	fail(t, err)
	for line := range strings.Lines(string(info)) {
		if rest, found := strings.CutPrefix(line, "Percpu:"); found {
			kilobytes, err := strconv.Atoi(strings.Fields(rest)[0])
			fail(t, err)
			return kilobytes
		}
	}
	return 0
}

// inNamespace moves the test's goroutine into a new network namespace with lo and eth0, for good.
func inNamespace(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatalf("make a network namespace: %v (run as root)", err)
	}
	if err := netlink.LinkAdd(&netlink.Dummy{LinkAttrs: netlink.LinkAttrs{Name: "eth0"}}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"lo", "eth0"} {
		link, err := netlink.LinkByName(name)
		if err == nil {
			err = netlink.LinkSetUp(link)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	withoutEstimation(t)
}

// withoutEstimation ends the kernel's own statistics in the namespace: every 2 s it goes through all entries, which with
// 110,000 of them takes an emulated processor for itself, whoever put them there. A kernel without the setting goes on.
func withoutEstimation(t *testing.T) {
	t.Helper()
	k, err := kernel.Open(kernel.ProcSys)
	fail(t, err)
	defer k.Close()
	fail(t, k.Preflight())
	const estimation = "/proc/sys/net/ipv4/vs/run_estimation"
	if err := os.WriteFile(estimation, []byte("0\n"), 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}

func fail(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// self is this test binary, to run one measurement in a process of its own.
func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	fail(t, err)
	return path
}
