// SPDX-License-Identifier: Apache-2.0

//go:build bench

package failover

import (
	"fmt"
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

// TestBenchFailover prints what docs/benchmarks.md explains, and ends with a line of key=value pairs.
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
