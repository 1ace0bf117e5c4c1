// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// collection mirrors the objects of one resource that a field selector matches, until it is stopped.
type collection struct {
	store  cache.Store
	synced func() bool
	stop   context.CancelFunc
}

// follow starts to mirror a resource. changed is called after every change and after the first complete list; it must not
// block. An API server that cannot be reached is asked again, with growing pauses, for as long as ctx lives.
func follow(ctx context.Context, client rest.Interface, resource, namespace string, selector fields.Selector, object runtime.Object, changed func()) *collection {
	ctx, stop := context.WithCancel(ctx)
	store, controller := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: cache.NewListWatchFromClient(client, resource, namespace, selector),
		ObjectType:    object,
		Transform:     dropManagedFields,
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { changed() },
			UpdateFunc: func(any, any) { changed() },
			DeleteFunc: func(any) { changed() },
		},
	})
	go controller.RunWithContext(ctx)
	go func() {
		// An empty list calls no handler; the view has become complete all the same.
		if cache.WaitForCacheSync(ctx.Done(), controller.HasSynced) {
			changed()
		}
	}()
	return &collection{store: store, synced: controller.HasSynced, stop: stop}
}

// dropManagedFields frees the part of each object that nobody here reads, and that is larger than the rest.
func dropManagedFields(object any) (any, error) {
	if accessor, err := meta.Accessor(object); err == nil {
		accessor.SetManagedFields(nil)
	}
	return object, nil
}
