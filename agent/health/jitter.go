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

// Start is how the life of one of many targets begins.
type Start struct {
	// Wait is the time before the first check.
	Wait time.Duration
	// First is the interval between the first check and the second one, if the first one passed; 0: that of the specification.
	First time.Duration
}

// Jitter is how t begins when starting targets, t among them, begin at the same moment: all at once up to Few; else the first checks are
// spread over starting * 0.5 ms, or over t's interval if that is less, so that a target adopted as up and already dead still goes down
// within its RemovalBound; and the second ones, and with them all that follow, over the whole interval. It depends on its arguments only: a
// hash of the address spreads the targets.
func Jitter(t Target, starting int) Start {
	interval := max(t.Spec.Interval, MinInterval)
	if starting <= Few {
		return Start{}
	}
	h := fnv.New64a()
	// A hash never returns an error.
	address := t.Address.Addr().As16()
	_, _ = h.Write(address[:])
	_, _ = h.Write(binary.BigEndian.AppendUint16(nil, t.Address.Port()))
	within := func(window time.Duration) time.Duration { return time.Duration(h.Sum64() % uint64(window)) }
	wait := within(min(interval, time.Duration(starting)*startGap))
	_, _ = h.Write([]byte("first"))
	return Start{Wait: wait, First: 1 + within(interval)}
}
