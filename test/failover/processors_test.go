// SPDX-License-Identifier: Apache-2.0

//go:build bench

package failover

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// TestBenchProcessors prints what docs/benchmarks.md explains, and ends with a line of a key=value pair. It needs no IPVS, so that it
// runs on the host's own processors: emulated ones are too slow for either contestant.
func TestBenchProcessors(t *testing.T) {
	fmt.Printf("bench-failover cpu_ratio=%.2f\n", processors(t, []*contestant{ours(), keepalived()}))
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
			if c.leaveAddresses != nil {
				c.leaveAddresses(t, host, routers)
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
