// SPDX-License-Identifier: Apache-2.0

package journal

import (
	"fmt"
	"runtime"
	"testing"
)

// BenchmarkCommit changes one of 10,000 values of 5 kB, as much as 100,000 real servers take.
func BenchmarkCommit(b *testing.B) {
	for _, sync := range []bool{false, true} {
		b.Run(fmt.Sprintf("sync %v", sync), func(b *testing.B) {
			j, err := Open(b.TempDir(), "journal")
			if err != nil {
				b.Fatal(err)
			}
			value := make([]byte, 5000)
			for i := range 10_000 {
				if err := j.Put(fmt.Sprintf("namespace/service-%d/http", i), value); err != nil {
					b.Fatal(err)
				}
			}
			if err := j.Commit(true); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if err := j.Put("namespace/service-7/http", value); err != nil {
					b.Fatal(err)
				}
				if err := j.Commit(sync); err != nil {
					b.Fatal(err)
				}
			}
			if err := j.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkOpen reads that journal, and reports what a record costs in memory.
func BenchmarkOpen(b *testing.B) {
	const n = 10_000
	directory := b.TempDir()
	j, err := Open(directory, "journal")
	if err != nil {
		b.Fatal(err)
	}
	for i := range n {
		if err := j.Put(fmt.Sprintf("namespace/service-%d/http", i), make([]byte, 5000)); err != nil {
			b.Fatal(err)
		}
	}
	if err := j.Commit(true); err != nil {
		b.Fatal(err)
	}
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
	heap := func() uint64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	b.ReportAllocs()
	for b.Loop() {
		before := heap()
		j, err := Open(directory, "journal")
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(heap()-before)/n, "B/record")
		if err := j.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
