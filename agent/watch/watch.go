// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"maps"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/tools/cache"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// Watcher follows the API server for one node.
type Watcher struct {
	node      string
	namespace string
	changed   func()

	// source lists and watches a resource.
	source func(resource, namespace string, selector fields.Selector) cache.ListerWatcher

	mu       sync.Mutex
	nodes    *collection
	followed *v1alpha1.NodeState // what groups and secrets follow from
	groups   map[string]group
	secrets  map[string]*collection
	taken    taken
	orphans  orphans
}

type group struct {
	services, realServers *collection
}

func (g group) serviceSlices() *collection    { return g.services }
func (g group) realServerSlices() *collection { return g.realServers }

// New makes a watcher of the NodeState called node, and of Secrets in namespace. changed is called after every change, by several
// goroutines at the same time; it must not block.
func New(clients Clients, node, namespace string, changed func()) *Watcher {
	return &Watcher{
		node: node, namespace: namespace, changed: changed, source: clients.source,
		groups: map[string]group{}, secrets: map[string]*collection{}, orphans: newOrphans(),
	}
}

// Start begins to follow, until ctx ends. It returns at once; an absent API server is no error.
func (w *Watcher) Start(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nodes = follow(ctx, w.source(nodeStates, metav1.NamespaceAll, fields.OneTermEqualSelector(metav1.ObjectNameField, w.node)),
		&v1alpha1.NodeState{}, w.changed)
}

// Connected says whether the API server has answered once: whether it is known if this node has a NodeState.
func (w *Watcher) Connected() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.nodes != nil && w.nodes.synced()
}

// nodeState returns the newest NodeState; nil if it is not known or does not exist. One that is gone says nothing: the data
// plane stays as it is. An empty spec says "nothing to do".
func (w *Watcher) nodeState() *v1alpha1.NodeState {
	if w.nodes == nil || !w.nodes.synced() {
		return nil
	}
	found, exists, err := w.nodes.store.GetByKey(w.node)
	if err != nil || !exists {
		return nil
	}
	node, ok := found.(*v1alpha1.NodeState)
	if !ok {
		return nil
	}
	return node
}

// followNamed follows what the NodeState names, and nothing else. The store gives the same object until there is a newer one.
func (w *Watcher) followNamed(ctx context.Context, node *v1alpha1.NodeState) {
	if node == w.followed {
		return
	}
	w.followGroups(ctx, node)
	w.followSecrets(ctx, node)
	w.followed = node
}

// complete says whether all that is followed has been listed once.
func (w *Watcher) complete() bool {
	for _, g := range w.groups {
		if !g.services.synced() || !g.realServers.synced() {
			return false
		}
	}
	for _, secret := range w.secrets {
		if !secret.synced() {
			return false
		}
	}
	return true
}

func (w *Watcher) followGroups(ctx context.Context, node *v1alpha1.NodeState) {
	wanted := map[string]bool{}
	for _, g := range node.Spec.DirectorGroups {
		wanted[g.Name] = true
		if _, ok := w.groups[g.Name]; ok {
			continue
		}
		selector := fields.OneTermEqualSelector("spec.directorGroup", g.Name)
		w.groups[g.Name] = group{
			services:    follow(ctx, w.source(serviceSlices, metav1.NamespaceAll, selector), &v1alpha1.ServiceSlice{}, w.changed),
			realServers: follow(ctx, w.source(realServerSlices, metav1.NamespaceAll, selector), &v1alpha1.RealServerSlice{}, w.changed),
		}
	}
	maps.DeleteFunc(w.groups, func(name string, g group) bool {
		if wanted[name] {
			return false
		}
		for _, slice := range g.services.end() {
			w.orphans.services[slice] = struct{}{}
		}
		for _, slice := range g.realServers.end() {
			w.orphans.realServers[slice] = struct{}{}
		}
		return true
	})
}

func (w *Watcher) followSecrets(ctx context.Context, node *v1alpha1.NodeState) {
	wanted := map[string]bool{}
	for _, g := range node.Spec.DirectorGroups {
		for _, router := range g.VirtualRouters {
			if router.Authentication != nil {
				wanted[router.Authentication.SecretRef.Name] = true
			}
		}
	}
	for name := range wanted {
		if _, ok := w.secrets[name]; !ok {
			w.secrets[name] = follow(ctx, w.source(secrets, w.namespace, fields.OneTermEqualSelector(metav1.ObjectNameField, name)),
				&corev1.Secret{}, w.changed)
		}
	}
	maps.DeleteFunc(w.secrets, func(name string, c *collection) bool {
		if !wanted[name] {
			c.end()
		}
		return !wanted[name]
	})
}
