// SPDX-License-Identifier: Apache-2.0

package connections

import (
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// BenchmarkReadAndWrite is the agent's own work for one connection: its line read, and written into a datagram.
func BenchmarkReadAndWrite(b *testing.B) {
	for _, c := range lines[:3] {
		b.Run(c.name, func(b *testing.B) {
			line := []byte(c.line)
			e := NewEncoder(66, 1472)
			b.ReportAllocs()
			for b.Loop() {
				connection, err := Parse(line)
				if err != nil {
					b.Fatal(err)
				}
				if !e.Append(connection, Details{Method: ipvs.DirectRoute}) {
					_ = e.Datagram()
					e.Reset()
				}
			}
		})
	}
}
