// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// View is what the API server says to one node at one moment. Its objects are shared: read them only.
type View struct {
	// Node is this node's NodeState.
	Node *v1alpha1.NodeState
	// Services are the ServiceSlices of the node's director groups, by name.
	Services []v1alpha1.ServiceSlice
	// RealServers are the RealServerSlices of the node's director groups, by name.
	RealServers []v1alpha1.RealServerSlice
	// Passwords are the VRRP passwords, by the Secret's name. A Secret that is missing, or lacks the key, is absent.
	Passwords map[string]string
}

// Watcher follows the API server for one node.
type Watcher struct {
	clients   Clients
	node      string
	namespace string
	changed   func()
	// version counts changes.
	version atomic.Uint64

	mu      sync.Mutex
	nodes   *collection
	groups  map[string]group
	secrets map[string]*collection
}

type group struct {
	services, realServers *collection
}

// New makes a watcher of the NodeState called node, and of Secrets in namespace. changed is called after every change; it
// must not block.
func New(clients Clients, node, namespace string, changed func()) *Watcher {
	w := &Watcher{
		clients: clients, node: node, namespace: namespace,
		groups: map[string]group{}, secrets: map[string]*collection{},
	}
	w.changed = func() {
		w.version.Add(1)
		changed()
	}
	return w
}

// Version changes with every change of the view: a caller that remembers the version that it read before a View need not
// ask again while it stands.
func (w *Watcher) Version() uint64 { return w.version.Load() }

// Start begins to follow, until ctx ends. It returns at once; an absent API server is no error.
func (w *Watcher) Start(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nodes = follow(ctx, w.clients.LVS, "nodestates", metav1.NamespaceAll,
		fields.OneTermEqualSelector(metav1.ObjectNameField, w.node), &v1alpha1.NodeState{}, w.changed)
}

// Connected says whether the API server has answered once: whether it is known if this node has a NodeState.
func (w *Watcher) Connected() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.nodes != nil && w.nodes.synced()
}

// View returns the newest view, and whether it is complete: the NodeState exists, and every collection that it leads to
// has been listed once. It starts following groups and Secrets that the NodeState names and stops following those that it
// no longer names, so it is to be called after every change, by one caller.
func (w *Watcher) View(ctx context.Context) (View, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.nodes == nil || !w.nodes.synced() {
		return View{}, false
	}
	found, exists, err := w.nodes.store.GetByKey(w.node)
	if err != nil || !exists {
		// A NodeState that is gone says nothing: the data plane stays as it is. An empty spec says "nothing to do".
		return View{}, false
	}
	node, ok := found.(*v1alpha1.NodeState)
	if !ok {
		return View{}, false
	}
	w.followGroups(ctx, node)
	w.followSecrets(ctx, node)
	view := View{Node: node, Passwords: map[string]string{}}
	complete := true
	for _, g := range w.groups {
		complete = complete && g.services.synced() && g.realServers.synced()
		view.Services = appendObjects(view.Services, g.services)
		view.RealServers = appendObjects(view.RealServers, g.realServers)
	}
	for name, secret := range w.secrets {
		complete = complete && secret.synced()
		for _, s := range appendObjects[corev1.Secret](nil, secret) {
			if password, ok := s.Data[v1alpha1.PasswordKey]; ok {
				view.Passwords[name] = string(password)
			}
		}
	}
	slices.SortFunc(view.Services, func(a, b v1alpha1.ServiceSlice) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(view.RealServers, func(a, b v1alpha1.RealServerSlice) int { return cmp.Compare(a.Name, b.Name) })
	return view, complete
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
			services:    follow(ctx, w.clients.LVS, "serviceslices", metav1.NamespaceAll, selector, &v1alpha1.ServiceSlice{}, w.changed),
			realServers: follow(ctx, w.clients.LVS, "realserverslices", metav1.NamespaceAll, selector, &v1alpha1.RealServerSlice{}, w.changed),
		}
	}
	maps.DeleteFunc(w.groups, func(name string, g group) bool {
		if !wanted[name] {
			g.services.stop()
			g.realServers.stop()
		}
		return !wanted[name]
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
			w.secrets[name] = follow(ctx, w.clients.Core, "secrets", w.namespace,
				fields.OneTermEqualSelector(metav1.ObjectNameField, name), &corev1.Secret{}, w.changed)
		}
	}
	maps.DeleteFunc(w.secrets, func(name string, c *collection) bool {
		if !wanted[name] {
			c.stop()
		}
		return !wanted[name]
	})
}

func appendObjects[T any](to []T, from *collection) []T {
	for _, object := range from.store.List() {
		if typed, ok := object.(*T); ok {
			to = append(to, *typed)
		}
	}
	return to
}
