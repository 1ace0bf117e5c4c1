// SPDX-License-Identifier: Apache-2.0

package connections

import (
	"testing"
	"time"
)

// defaultBuffer is net.core.rmem_default, which the receiving socket has unless somebody changed it.
const defaultBuffer = 212992

func TestABurstLeavesRoomInTheReceiversBuffer(t *testing.T) {
	for _, c := range []struct {
		name           string
		length, memory int // of a datagram, and what a driver that fills whole pages takes for it
	}{
		{"one connection", 44, 4096 + 256},
		{"an Ethernet frame", 1472, 4096 + 256},
		{"a jumbo frame", 8972, 3*4096 + 256},
		{"as many as can be counted", 8 + 255*36, 3*4096 + 256},
		{"255 of IPv6", 8 + 255*72, 5*4096 + 256},
	} {
		var pace Pace
		datagrams := 1
		for pace.Sent(c.length) == 0 {
			datagrams++
		}
		if used := datagrams * c.memory; used > defaultBuffer*2/3 {
			t.Errorf("%s: %d datagrams without a pause fill %d of %d bytes", c.name, datagrams, used, defaultBuffer)
		}
		again := 1
		for pace.Sent(c.length) == 0 {
			again++
		}
		if again != datagrams {
			t.Errorf("%s: the second burst has %d datagrams, the first %d", c.name, again, datagrams)
		}
	}
}

// A hand-over waits for the last connection.
func TestAHundredThousandConnectionsTakeLessThanASecondOfPauses(t *testing.T) {
	var pace Pace
	var paused time.Duration
	for range 100_000 / 40 {
		paused += pace.Sent(8 + 40*36)
	}
	if paused < 100*time.Millisecond || paused > time.Second {
		t.Errorf("pauses of %s", paused)
	}
}
