// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

// Whatever is set and taken, next is the earliest of what is set, and what was replaced takes little room.
func TestDeadlinesAreTakenInTheOrderOfTheirTimes(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	key := func(n int) ipvs.ServiceKey {
		return ipvs.ServiceKey{Address: netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}), Port: 80, Protocol: ipvs.TCP}
	}
	random := rand.New(rand.NewPCG(1, 2))
	var d deadlines
	want := map[ipvs.ServiceKey]time.Time{}
	earliest := func() (first time.Time) {
		for _, at := range want {
			if first.IsZero() || at.Before(first) {
				first = at
			}
		}
		return first
	}
	for range 20000 {
		k := key(random.IntN(20))
		switch random.IntN(6) {
		case 0:
			d.set(k, time.Time{})
			delete(want, k)
		case 1:
			now := start.Add(time.Duration(random.IntN(100)) * time.Second)
			taken, due := d.take(now)
			if first := earliest(); due != (!first.IsZero() && !first.After(now)) || due && !want[taken].Equal(first) {
				t.Fatalf("took %v (%t) at %v, of %v", taken, due, now, want)
			}
			delete(want, taken)
		default:
			at := start.Add(time.Duration(random.IntN(100)) * time.Second)
			d.set(k, at)
			want[k] = at
		}
		if !d.next().Equal(earliest()) {
			t.Fatalf("next is %v, want %v", d.next(), earliest())
		}
		if len(d.queue) > 2*20+replacedMost+1 {
			t.Fatalf("%d elements for %d services", len(d.queue), len(want))
		}
	}
}
