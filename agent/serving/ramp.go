// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"net/netip"
	"slices"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
)

const (
	// rampSteps is how many steps a weight takes to the whole at most, and leastStep how long each lasts at least: every step is an
	// operation on the kernel.
	rampSteps = 20
	leastStep = time.Second
)

// ramps are the real servers of a service whose weight grows, and since when.
type ramps map[netip.AddrPort]time.Time

// follow begins the ramps of real servers that are up and were down, and ends those of others.
func (r *ramps) follow(now time.Time, up []ipvs.Destination, wereDown []netip.AddrPort) {
	risen := make(ramps, len(*r))
	for _, d := range up {
		at := d.Key()
		if since, rises := (*r)[at]; rises {
			risen[at] = since
		} else if _, down := slices.BinarySearchFunc(wereDown, at, netip.AddrPort.Compare); down {
			risen[at] = now
		}
	}
	*r = risen
}

// apply gives real servers that rise the weights that they have now, and says when one of them is due to grow; zero: none is. What is
// over is forgotten.
func (r ramps) apply(now time.Time, slowStart time.Duration, up []ipvs.Destination) (weighted []ipvs.Destination, next time.Time) {
	if len(r) == 0 {
		return up, time.Time{}
	}
	weighted = slices.Clone(up)
	for i := range weighted {
		at := weighted[i].Key()
		since, rises := r[at]
		if !rises {
			continue
		}
		weight, due := ramped(weighted[i].Weight, now.Sub(since), slowStart)
		if due == 0 {
			delete(r, at)
			continue
		}
		weighted[i].Weight = weight
		if grows := since.Add(due); next.IsZero() || grows.Before(next) {
			next = grows
		}
	}
	return weighted, next
}

func stepOf(slowStart time.Duration) time.Duration { return max(slowStart/rampSteps, leastStep) }

// ramped is the weight that a real server has so long after it came up, and how long after that it grows; 0: it has the whole.
func ramped(whole uint32, after, slowStart time.Duration) (weight uint32, due time.Duration) {
	step := stepOf(slowStart)
	steps := after / step
	if grown := steps * step; grown < slowStart && whole > 1 {
		return uint32(max(1, uint64(whole)*uint64(grown)/uint64(slowStart))), (steps + 1) * step
	}
	return whole, 0
}

// resumed are the ramps of real servers that the kernel has with a part of their weight.
func resumed(now time.Time, service Service, known []ipvs.Destination) ramps {
	rising := ramps{}
	for _, whole := range service.Destinations {
		i, there := slices.BinarySearchFunc(known, whole, ipvs.Destination.Compare)
		if there && known[i].Weight > 0 && known[i].Weight < whole.Weight {
			rising[whole.Key()] = now.Add(-reached(known[i].Weight, whole.Weight, service.Policy.SlowStart))
		}
	}
	return rising
}

// reached is how long a real server that has a part of its weight has been up, as far as the part says: the first step with it, and half of
// the one that follows. A weight of 1 it has from the beginning.
func reached(part, whole uint32, slowStart time.Duration) time.Duration {
	if part == 1 {
		return 0
	}
	step := stepOf(slowStart)
	grown := time.Duration((uint64(part)*uint64(slowStart) + uint64(whole) - 1) / uint64(whole))
	return (grown+step-1)/step*step + step/2
}
