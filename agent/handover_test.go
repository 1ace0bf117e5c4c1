// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/vrrp"
)

const (
	outsideDown = "ip address del 198.51.100.10/32 dev eth0"
	insideDown  = "ip address del 192.0.2.1/32 dev eth1"
)

// handOverKeepsItsGrace begins the hand-over, and returns a moment before the grace is over, until which nothing goes.
func (n *node) handOverKeepsItsGrace(t *testing.T) <-chan error {
	t.Helper()
	done := make(chan error)
	go func() { done <- n.handOver() }()
	time.Sleep(yieldGrace - time.Millisecond)
	synctest.Wait()
	expect(t, "before its grace is over", n.operations(), "")
	return done
}

func TestARouterThatWasTakenOverWaitsForNoOtherToLetItsAddressesGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, _, inside := twoRoles(t, true)
		n.kernel.TakeApplied()
		inside.stopTakes = 2 * time.Second
		done := n.handOverKeepsItsGrace(t)
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		expect(t, "after it, while the other waits", n.operations(), outsideDown)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		expect(t, "when the other was taken over", n.operations(), insideDown)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

func TestARoleThatNoPassHasSeenIsHandedOverAsAnyOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := backup(t)
		n.started[0].become(vrrp.Active)
		synctest.Wait()
		n.kernel.TakeApplied()
		done := n.handOverKeepsItsGrace(t)
		time.Sleep(2 * time.Millisecond)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		expect(t, "after it", n.operations(), outsideDown)
	})
}

func TestARouterThatNobodyTakesOverKeepsItsAddressesAndNoOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, _, inside := twoRoles(t, true)
		n.kernel.TakeApplied()
		inside.alone, inside.stopTakes = true, handOverBound
		if err := n.handOver(); err != nil {
			t.Fatal(err)
		}
		expect(t, "operations", n.operations(), outsideDown)
	})
}
