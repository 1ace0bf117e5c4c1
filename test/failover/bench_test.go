// SPDX-License-Identifier: Apache-2.0

//go:build bench

package failover

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/test/stage"
)

// phases are how far into an interval the Active director dies, as parts of it.
var phases = []float64{0.1, 0.3, 0.5, 0.7, 0.9}

var intervals = []time.Duration{time.Second, 100 * time.Millisecond, 10 * time.Millisecond}

// TestBenchFailover prints what docs/benchmarks.md explains, and ends with one line of key=value pairs.
func TestBenchFailover(t *testing.T) {
	contestants := []*contestant{ours(), keepalived()}
	var line strings.Builder
	var planned []outcome
	for _, interval := range intervals {
		crashes, stops := map[string][]outcome{}, map[string][]outcome{}
		for _, phase := range phases {
			for _, c := range contestants {
				w := newWorld(t)
				w.serve(c, interval)
				crashes[c.name] = append(crashes[c.name], w.crash(c, interval, time.Duration(phase*float64(interval))))
				w.clean(0)
				w.comeBack(c, interval)
				stops[c.name] = append(stops[c.name], w.stop(c, interval))
				c.kill(t)
				w.end()
			}
		}
		show("the Active director dies, "+interval.String(), contestants, crashes)
		show("the Active director is stopped, "+interval.String(), contestants, stops)
		fmt.Fprintf(&line, " crash_%s_ratio=%.2f", interval, medianGap(crashes["ours"]).Seconds()/medianGap(crashes["keepalived"]).Seconds())
		planned = append(planned, stops["ours"]...)
	}
	failed := 0
	for _, o := range planned {
		failed += o.failed
	}
	fmt.Fprintf(&line, " planned_failed=%d planned_gap_ms=%.0f", failed, float64(medianGap(planned).Microseconds())/1000)
	fmt.Fprintf(&line, " cpu_ratio=%.2f", processors(t, contestants))
	fmt.Println("bench-failover" + line.String())
}

// serve starts both directors, and waits until the first is Active and the second has heard it for a while.
func (w *world) serve(c *contestant, interval time.Duration) {
	w.t.Helper()
	for i, host := range w.directors {
		c.start(w.t, host, i, routersOf(i, interval))
	}
	w.settle(c, interval)
}

func (w *world) settle(c *contestant, interval time.Duration) {
	w.t.Helper()
	w.heard.alone(w.directors[0], max(2*time.Second, 3*interval))
	probe := w.connect()
	w.await(c, probe, time.Now())
	probe.End()
}

// await waits for an answer to a connection that began after a moment.
func (w *world) await(c *contestant, client *stage.Poll, moment time.Time) {
	w.t.Helper()
	_, err := stage.Until(w.t.Context(), patience, func() (bool, error) {
		_, answered := stage.Silence(client.SoFar(), moment)
		return answered, nil
	})
	if err != nil {
		w.t.Fatalf("%s: nobody answers at %s: %v", c.name, target, err)
	}
}

// crash cuts the Active director off, so long after an advertisement of its, and kills it.
func (w *world) crash(c *contestant, interval, phase time.Duration) outcome {
	w.t.Helper()
	client := w.connect()
	time.Sleep(500 * time.Millisecond)
	w.heard.next(w.directors[0])
	time.Sleep(phase)
	check(w.t, w.directors[0].LinkDown())
	cut := time.Now()
	c.signal(w.t, 0, syscall.SIGKILL)
	c.wait(0)
	w.await(c, client, cut)
	time.Sleep(time.Second)
	return outcomeOf(client)
}

// comeBack starts the director that died again, as after a power cut.
func (w *world) comeBack(c *contestant, interval time.Duration) {
	w.t.Helper()
	check(w.t, w.directors[0].LinkUp())
	c.start(w.t, w.directors[0], 0, routersOf(0, interval))
	w.settle(c, interval)
}

// stop ends the Active director as its administrator does.
func (w *world) stop(c *contestant, interval time.Duration) outcome {
	w.t.Helper()
	client := w.connect()
	time.Sleep(500 * time.Millisecond)
	c.signal(w.t, 0, syscall.SIGTERM)
	w.heard.alone(w.directors[1], max(2*time.Second, 3*interval))
	c.wait(0)
	return outcomeOf(client)
}

// processors is what 250 virtual routers every 100 ms take of the processors, ours by keepalived's: Active and Backup together. It is
// not a number where one of the two did not get to rest on this machine, with one director Active for all.
func processors(t *testing.T, contestants []*contestant) float64 {
	const (
		count   = 250
		starts  = 15 * time.Second
		watched = 30 * time.Second
	)
	used := map[string]time.Duration{}
	for _, c := range contestants {
		w := newWorld(t)
		for i, host := range w.directors {
			var routers []router
			for id := range count {
				routers = append(routers, router{vrid: uint8(1 + id), vip: fmt.Sprintf("198.51.100.%d", 1+id), priority: uint8(100 - 10*i), interval: 100 * time.Millisecond})
			}
			c.start(t, host, i, routers)
		}
		time.Sleep(starts)
		rests := w.heard.settles(w.directors[0], 2*time.Second)
		before := [2]time.Duration{c.processorTime(t, 0), c.processorTime(t, 1)}
		time.Sleep(watched)
		active, backup := c.processorTime(t, 0)-before[0], c.processorTime(t, 1)-before[1]
		fmt.Printf("%d virtual routers every 100 ms, %-10s  Active %.1f %%, Backup %.1f %% of a processor\n", count, c.name,
			100*active.Seconds()/watched.Seconds(), 100*backup.Seconds()/watched.Seconds())
		used[c.name] = active + backup
		if !rests {
			fmt.Printf("%s: after %s both directors are Active for some of the routers: this says nothing\n", c.name, starts+patience)
			used[c.name] = 0
		}
		c.kill(t)
		w.end()
	}
	if used["ours"] == 0 || used["keepalived"] == 0 {
		return math.NaN()
	}
	return used["ours"].Seconds() / used["keepalived"].Seconds()
}

func show(what string, contestants []*contestant, outcomes map[string][]outcome) {
	fmt.Println("\n" + what)
	for _, c := range contestants {
		failed := 0
		for _, o := range outcomes[c.name] {
			failed += o.failed
		}
		worst := slices.MaxFunc(outcomes[c.name], func(a, b outcome) int { return int(a.gap - b.gap) })
		fmt.Printf("  %-10s  longest gap: median %4d ms, worst %4d ms; %d connections failed in %d\n", c.name,
			medianGap(outcomes[c.name]).Milliseconds(), worst.gap.Milliseconds(), failed, len(outcomes[c.name]))
	}
}

func medianGap(outcomes []outcome) time.Duration {
	gaps := make([]time.Duration, 0, len(outcomes))
	for _, o := range outcomes {
		gaps = append(gaps, o.gap)
	}
	slices.Sort(gaps)
	return gaps[len(gaps)/2]
}
