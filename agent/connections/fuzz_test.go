// SPDX-License-Identifier: Apache-2.0

package connections

import (
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// Whatever a line holds: no panic, an error gives no connection, and what is read can be written.
func FuzzConnectionsNeverPanic(f *testing.F) {
	for _, c := range lines {
		f.Add([]byte(c.line), uint8(0))
	}
	f.Add([]byte(header), uint8(3))
	f.Fuzz(func(t *testing.T, line []byte, method uint8) {
		c, err := Parse(line)
		if err != nil {
			if c != (Connection{}) {
				t.Fatalf("%v, and %+v", err, c)
			}
			return
		}
		if !c.Client.IsValid() || !c.Virtual.IsValid() || !c.RealServer.IsValid() || c.Expires > 1<<31-1 || Header(line) {
			t.Fatalf("%q is read as %+v", line, c)
		}
		details := Details{Method: []ipvs.Method{ipvs.Masquerade, ipvs.Tunnelling, ipvs.DirectRoute}[method%3]}
		if !c.Portable(details.Method) {
			return
		}
		e := NewEncoder(1, 0)
		if !e.Append(c, details) || e.Append(c, details) && !c.Client.Addr().Is4() {
			t.Fatalf("%+v: one fits, and of IPv6 only one", c)
		}
		if b := e.Datagram(); len(b) != headerLength+e.Count()*length4 && len(b) != headerLength+length6 {
			t.Fatalf("%+v: %d bytes", c, len(b))
		}
	})
}
