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

// turns is how often each phase is measured: the shorter an interval, the more of a gap is what the machine was at that moment.
func turns(interval time.Duration) int {
	if interval < time.Second {
		return 3
	}
	return 1
}

// TestBenchFailover prints what docs/benchmarks.md explains, and ends with a line of key=value pairs.
func TestBenchFailover(t *testing.T) {
	contestants := []*contestant{ours(), keepalived()}
	var line strings.Builder
	var planned []outcome
	for _, interval := range intervals {
		crashes, stops := map[string][]outcome{}, map[string][]outcome{}
		for turn := range turns(interval) * len(phases) {
			phase := time.Duration(phases[turn%len(phases)] * float64(interval))
			for _, c := range contestants {
				w := newWorld(t)
				w.serve(c, interval)
				crashes[c.name] = append(crashes[c.name], w.undisturbed(c, interval, func() (outcome, bool) { return w.crash(c, phase) }))
				w.clean(0)
				w.comeBack(c, interval)
				stops[c.name] = append(stops[c.name], w.undisturbed(c, interval, func() (outcome, bool) { return w.stop(c, interval) }))
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

// mostDisturbed bounds how often a measurement is begun anew.
const mostDisturbed = 5

// undisturbed measures when both directors have their roles: a machine that stands still for a moment has the Backup of a short interval
// take over, and what follows then is the end of that.
func (w *world) undisturbed(c *contestant, interval time.Duration, measure func() (outcome, bool)) outcome {
	w.t.Helper()
	for range mostDisturbed {
		if o, good := measure(); good {
			return o
		}
		fmt.Printf("%s, %s: the Backup took over by itself; once more\n", c.name, interval)
		w.settle(c, interval)
	}
	w.t.Fatalf("%s, %s: this machine is too slow for that interval: the Backup takes over by itself again and again", c.name, interval)
	return outcome{}
}

// crash cuts the Active director off, so long after an advertisement of its, and kills it. It does not where the Backup has taken over.
func (w *world) crash(c *contestant, phase time.Duration) (o outcome, good bool) {
	w.t.Helper()
	began := time.Now()
	client := w.connect()
	time.Sleep(500 * time.Millisecond)
	w.heard.next(w.directors[0])
	if w.heard.since(w.directors[1], began) {
		client.End()
		return o, false
	}
	time.Sleep(phase)
	check(w.t, w.directors[0].LinkDown())
	cut := time.Now()
	c.signal(w.t, 0, syscall.SIGKILL)
	c.wait(0)
	w.await(c, client, cut)
	time.Sleep(time.Second)
	return outcomeOf(client), true
}

// comeBack starts the director that died again, as after a power cut.
func (w *world) comeBack(c *contestant, interval time.Duration) {
	w.t.Helper()
	check(w.t, w.directors[0].LinkUp())
	c.start(w.t, w.directors[0], 0, routersOf(0, interval))
	w.settle(c, interval)
}

// stop ends the Active director as its administrator does. It does not where the Backup has taken over.
func (w *world) stop(c *contestant, interval time.Duration) (o outcome, good bool) {
	w.t.Helper()
	began := time.Now()
	client := w.connect()
	time.Sleep(500 * time.Millisecond)
	if w.heard.since(w.directors[1], began) {
		client.End()
		return o, false
	}
	c.signal(w.t, 0, syscall.SIGTERM)
	w.heard.alone(w.directors[1], max(2*time.Second, 3*interval))
	c.wait(0)
	return outcomeOf(client), true
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
