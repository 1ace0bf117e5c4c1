// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"maps"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/cache"
)

// collection mirrors the objects of one resource that a field selector matches, until it is stopped, and remembers which of
// them changed.
type collection struct {
	store  cache.Store
	synced func() bool
	stop   context.CancelFunc

	mu sync.Mutex
	// pending are the names of objects that changed since take last returned them: at most those in the store and in told.
	pending map[string]struct{}
	// told are the names of objects that take found in the store: those whose end has to be told too.
	told map[string]struct{}
}

// follow starts to mirror the objects that source lists. changed is called after every change that an agent can read, and
// after the first complete list; it must not block. An API server that cannot be reached is asked again, with growing pauses,
// for as long as ctx lives.
func follow(ctx context.Context, source cache.ListerWatcher, object runtime.Object, changed func()) *collection {
	ctx, stop := context.WithCancel(ctx)
	c := &collection{stop: stop, pending: map[string]struct{}{}, told: map[string]struct{}{}}
	store, controller := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: source,
		ObjectType:    object,
		Transform:     slim,
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc: func(object any) {
				c.note(object, false)
				changed()
			},
			UpdateFunc: func(before, after any) {
				if !alike(before, after) {
					c.note(after, false)
					changed()
				}
			},
			DeleteFunc: func(object any) {
				c.note(object, true)
				changed()
			},
		},
	})
	c.store, c.synced = store, controller.HasSynced
	go controller.RunWithContext(ctx)
	go func() {
		// An empty list calls no handler; the view has become complete all the same.
		if cache.WaitForCacheSync(ctx.Done(), controller.HasSynced) {
			changed()
		}
	}()
	return c
}

// note remembers that an object changed. The end of one that was never told is no news.
func (c *collection) note(object any, gone bool) {
	// The key of all that is followed can be told: the store has keyed it before.
	key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(object)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, told := c.told[key]; gone && !told {
		delete(c.pending, key)
		return
	}
	c.pending[key] = struct{}{}
}

// take returns the keys of the objects that came, changed or went since the last call. holds says what became of each.
func (c *collection) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.pending) == 0 {
		return nil
	}
	keys := make([]string, 0, len(c.pending))
	for key := range c.pending {
		_, exists, err := c.store.GetByKey(key)
		_, told := c.told[key]
		if exists = exists && err == nil; exists {
			c.told[key] = struct{}{}
		} else {
			delete(c.told, key)
		}
		if exists || told {
			keys = append(keys, key)
		}
	}
	// A new map, because one that was cleared keeps the room of the first list.
	c.pending = map[string]struct{}{}
	return keys
}

// holds returns the newest object of a key that take has returned, nil if it is gone or was never taken: only of what was
// taken is the end told.
func (c *collection) holds(key string) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, told := c.told[key]; !told {
		return nil
	}
	object, exists, err := c.store.GetByKey(key)
	if err != nil || !exists {
		return nil
	}
	return object
}

// end stops to mirror, and returns the keys whose end has to be told.
func (c *collection) end() []string {
	c.stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.told))
}

// alike says that an update changes nothing that an agent reads: it repeats the object, as a new list does, or the generation
// stands, as with every write to NodeState.status. Secrets have no generation.
func alike(before, after any) bool {
	a, errA := meta.Accessor(before)
	b, errB := meta.Accessor(after)
	if errA != nil || errB != nil {
		return false
	}
	return a.GetUID() == b.GetUID() && (sameVersion(a, b) || a.GetGeneration() != 0 && a.GetGeneration() == b.GetGeneration())
}

func sameVersion(a, b metav1.Object) bool {
	return a.GetResourceVersion() != "" && a.GetResourceVersion() == b.GetResourceVersion()
}
