// SPDX-License-Identifier: Apache-2.0

package health

import (
	"encoding/binary"
	"hash/fnv"
	"time"
)

// Few is how many targets may start together without any delay.
const Few = 64

// startGap spaces the first checks of more than Few targets: about 2,000 connections a second.
const startGap = 500 * time.Microsecond

// Jitter is how long the first check of t waits when starting targets, t among them, start at the same moment: nothing up
// to Few; else less than starting * 0.5 ms and less than t's interval, so that a target adopted as up and already dead
// still goes down within its RemovalBound. It depends on its arguments only: a hash of the address spreads the targets.
func Jitter(t Target, starting int) time.Duration {
	if starting <= Few {
		return 0
	}
	window := min(t.Spec.Interval, time.Duration(starting)*startGap)
	if window <= 0 {
		return 0
	}
	h := fnv.New64a()
	// A hash never returns an error.
	address := t.Address.Addr().As16()
	_, _ = h.Write(address[:])
	_, _ = h.Write(binary.BigEndian.AppendUint16(nil, t.Address.Port()))
	return time.Duration(h.Sum64() % uint64(window))
}
