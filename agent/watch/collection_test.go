// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"slices"
	"testing"

	"k8s.io/client-go/tools/cache"
)

// TestStoreAheadOfItsEventsTellsNothingThatItWouldNotEnd plays an informer whose store is ahead of the events that it calls.
func TestStoreAheadOfItsEventsTellsNothingThatItWouldNotEnd(t *testing.T) {
	c := &collection{
		store:   cache.NewStore(cache.DeletionHandlingMetaNamespaceKeyFunc),
		pending: map[string]struct{}{}, told: map[string]struct{}{},
	}
	object := slice("edge", "edge-1", 3, 0)
	do := func(change func(any) error) {
		t.Helper()
		if err := change(object); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(held bool, taken ...string) {
		t.Helper()
		if got := c.take(); !slices.Equal(got, taken) {
			t.Errorf("took %v, want %v", got, taken)
		}
		if got := c.holds("edge-1"); (got != nil) != held {
			t.Errorf("holds %v, want some: %v", got, held)
		}
	}
	do(c.store.Add)
	expect(false)
	do(c.store.Delete)
	c.note(object, false) // of a thing that is gone already, and was never told
	expect(false)
	do(c.store.Add)
	c.note(object, false)
	expect(true, "edge-1")
	do(c.store.Delete)
	if c.holds("edge-1") != nil {
		t.Error("holds what is gone")
	}
	c.note(cache.DeletedFinalStateUnknown{Key: "edge-1"}, true)
	expect(false, "edge-1")
	expect(false)
}
