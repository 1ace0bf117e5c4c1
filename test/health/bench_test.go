// SPDX-License-Identifier: Apache-2.0

//go:build bench

package health

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/test/contest"
)

const (
	// patience is how long a contestant gets until all real servers are in the table.
	patience = 2 * time.Minute
	// rounds is how often the processors are watched, the contestants by turns: one figure varies by a tenth.
	rounds = 2
	// rest is how long nobody looks once all real servers are in the table, and watched is how long the processors are watched.
	rest    = interval
	watched = 2 * interval
	// deaths is how many real servers die, all at once: when in its interval each of them does, nobody chooses.
	deaths = 400
	// looks is the time between two looks at the table, and the resolution of how soon a death is seen.
	looks = 200 * time.Millisecond
)

// TestBenchHealth prints what docs/benchmarks.md explains, and ends with a line of key=value pairs.
func TestBenchHealth(t *testing.T) {
	contestants := []contestant{ours(), keepalived()}
	figures := map[string]map[string]figure{}
	for _, k := range kinds() {
		figures[k.name] = map[string]figure{}
		fmt.Printf("\n%d real servers, %s every %s\n", services*perOne, k.name, interval)
		for round := 1; round <= rounds; round++ {
			for _, c := range contestants {
				f := measure(t, c, k, round == rounds)
				fmt.Printf("  %-10s  %.1f %% of a processor, %.0f us a check, %.1f MB\n", c.name, 100*f.processor.Seconds()/watched.Seconds(), f.aCheck(), mb(f.resident))
				f.processor += figures[k.name][c.name].processor
				figures[k.name][c.name] = f
			}
		}
		for _, c := range contestants {
			f := figures[k.name][c.name]
			fmt.Printf("  %-10s  a dead one is out after %d ms (median), at worst %d ms\n", c.name, f.median().Milliseconds(), f.worst().Milliseconds())
		}
	}
	tcp, http := figures["tcp"], figures["http"]
	fmt.Printf("bench-health cpu_ratio=%.2f detect_ratio=%.2f http_cpu_ratio=%.2f rss_mb=%.0f keepalived_rss_mb=%.0f\n",
		tcp["ours"].processor.Seconds()/tcp["keepalived"].processor.Seconds(),
		tcp["ours"].median().Seconds()/tcp["keepalived"].median().Seconds(),
		http["ours"].processor.Seconds()/http["keepalived"].processor.Seconds(),
		mb(tcp["ours"].resident), mb(tcp["keepalived"].resident))
}

// figure is what one contestant was seen to do.
type figure struct {
	// processor is the time used while it was watched.
	processor time.Duration
	resident  int64
	// detected is how long the dead ones stayed in the table.
	detected []time.Duration
}

// aCheck is the processor time of a check, in microseconds.
func (f figure) aCheck() float64 {
	return float64(f.processor.Microseconds()) / (services * perOne * watched.Seconds() / interval.Seconds())
}

func mb(bytes int64) float64 { return float64(bytes) / (1 << 20) }

func (f figure) median() time.Duration { return f.detected[len(f.detected)/2] }

func (f figure) worst() time.Duration { return f.detected[len(f.detected)-1] }

// measure has a contestant check, and real servers die where that is asked for.
func measure(t *testing.T, c contestant, k kind, deaths bool) figure {
	t.Helper()
	w := newWorld(t)
	defer w.close()
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	program, err := contest.Start(w.director.Command(t.Context(), c.command(t, dir, k)...), log)
	check(t, err)
	defer func() {
		check(t, program.Signal(syscall.SIGKILL))
		program.Wait()
	}()
	for began := time.Now(); w.size() < services*perOne; {
		if time.Since(began) > patience {
			said, _ := os.ReadFile(log) // nothing, if it cannot be read
			t.Fatalf("%s: after %s %d real servers are in the table, of %d; it says:\n%s", c.name, patience, w.size(), services*perOne, said)
		}
		time.Sleep(2 * time.Second)
	}
	time.Sleep(rest)
	before, err := program.Usage()
	check(t, err)
	time.Sleep(watched)
	after, err := program.Usage()
	check(t, err)
	f := figure{processor: after.Processor - before.Processor, resident: after.Resident}
	if deaths {
		f.detected = w.detect(c)
	}
	return f
}

// detect lets real servers die, and returns how long each stayed in the table, sorted.
func (w *world) detect(c contestant) []time.Duration {
	w.t.Helper()
	var dead []netip.Addr
	for n := range deaths {
		dead = append(dead, server(n%services, n/services*7))
	}
	died := time.Now()
	w.die(dead)
	var detected []time.Duration
	for len(dead) > 0 {
		time.Sleep(looks)
		there, now := w.table(), time.Since(died)
		if now > 3*(interval+timeout) {
			// A contestant that does not come to its checks is told of, and stops no measurement.
			fmt.Printf("  %-10s  %d of %d dead real servers are in the table after %s: counted as if they were out by then\n", c.name, len(dead), deaths, now)
			return append(detected, slices.Repeat([]time.Duration{now}, len(dead))...)
		}
		dead = slices.DeleteFunc(dead, func(address netip.Addr) bool {
			if there[address] {
				return false
			}
			detected = append(detected, now)
			return true
		})
	}
	return detected
}
