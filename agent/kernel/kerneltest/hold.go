// SPDX-License-Identifier: Apache-2.0

package kerneltest

import (
	"slices"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/kernel"
)

// holds are what was held.
type holds struct {
	// table says that there is a table for what is held.
	table bool
	// interfaces are those that it is prepared for.
	interfaces []string
	calls      []kernel.Held
	fail       error
	slow       time.Duration
}

// Hold notes what kernel.Kernel's Hold would hold, and makes the table for it.
func (k *Kernel) Hold(held kernel.Held) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.holds.fail != nil {
		return k.holds.fail
	}
	k.holds.table = true
	k.holds.calls = append(k.holds.calls, held)
	return nil
}

// PrepareHold makes the table for what is held, and adds to the interfaces that it is prepared for.
func (k *Kernel) PrepareHold(interfaces []string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if slow := k.holds.slow; slow > 0 {
		k.mu.Unlock()
		time.Sleep(slow)
		k.mu.Lock()
	}
	if k.holds.fail != nil {
		return k.holds.fail
	}
	k.holds.table = true
	k.holds.interfaces = slices.Compact(slices.Sorted(slices.Values(append(k.holds.interfaces, interfaces...))))
	return nil
}

// Unhold removes the table for what is held. It succeeds where there is none.
func (k *Kernel) Unhold() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.holds.fail != nil {
		return k.holds.fail
	}
	k.holds.table, k.holds.interfaces = false, nil
	return nil
}

// FailHolds makes each later Hold, PrepareHold and Unhold fail with the error. Nil lets them succeed.
func (k *Kernel) FailHolds(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.holds.fail = err
}

// SlowHolds makes each later PrepareHold take a time, as where others write nftables too.
func (k *Kernel) SlowHolds(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.holds.slow = d
}

// TakeHolds returns the calls of Hold that succeeded since the last call.
func (k *Kernel) TakeHolds() []kernel.Held {
	k.mu.Lock()
	defer k.mu.Unlock()
	calls := k.holds.calls
	k.holds.calls = nil
	return calls
}

// HasHoldTable says whether there is a table for what is held.
func (k *Kernel) HasHoldTable() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.holds.table
}

// HoldInterfaces returns the interfaces that PrepareHold was called for since the last Unhold, sorted.
func (k *Kernel) HoldInterfaces() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.holds.interfaces)
}
