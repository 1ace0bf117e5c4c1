// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"context"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// Changes is how the API server's word to one node differs from what was taken last. Its objects are shared: read them only.
type Changes struct {
	// Node is this node's NodeState, the newest; always set.
	Node *v1alpha1.NodeState
	// NodeChanged says that Node's spec (its UID or generation) or Passwords differ from the last time.
	NodeChanged bool
	// Passwords are the VRRP passwords, by the Secret's name, all of them. A Secret that is missing, or lacks the key, is absent.
	Passwords map[string]string
	// Services are the ServiceSlices of the node's director groups that came or changed, by name; nil: gone, as are those of a
	// group that the node left. A slice may be told again though it did not change.
	Services map[string]*v1alpha1.ServiceSlice
	// RealServers are the RealServerSlices, in the same way.
	RealServers map[string]*v1alpha1.RealServerSlice
}

// Changes returns what changed since the last call that returned true, and whether that is complete: the NodeState exists, and
// every collection that it leads to has been listed once. If it is not, what changed is kept for a later call. The first call
// that returns true tells everything. It costs in proportion to what changed.
//
// It starts following groups and Secrets that the NodeState names and stops following those that it no longer names, so it is
// to be called after every change, by one caller.
func (w *Watcher) Changes(ctx context.Context) (Changes, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	node := w.nodeState()
	if node == nil {
		return Changes{}, false
	}
	w.followNamed(ctx, node)
	if !w.complete() {
		return Changes{}, false
	}
	passwords := w.passwords()
	changes := Changes{
		Node:        node,
		NodeChanged: !w.taken.is(node) || !maps.Equal(w.taken.passwords, passwords),
		Passwords:   passwords,
		Services:    takeAll[*v1alpha1.ServiceSlice](w.collectionsOf(group.serviceSlices), w.orphans.services),
		RealServers: takeAll[*v1alpha1.RealServerSlice](w.collectionsOf(group.realServerSlices), w.orphans.realServers),
	}
	w.taken = taken{uid: node.UID, generation: node.Generation, passwords: passwords}
	w.orphans = newOrphans()
	return changes, true
}

// taken is what the last complete Changes said of the node.
type taken struct {
	uid        types.UID
	generation int64
	passwords  map[string]string
}

func (t taken) is(node *v1alpha1.NodeState) bool {
	return t.uid == node.UID && t.generation == node.Generation
}

// orphans are the slices that were told and whose group the node left since.
type orphans struct {
	services, realServers map[string]struct{}
}

func newOrphans() orphans {
	return orphans{services: map[string]struct{}{}, realServers: map[string]struct{}{}}
}

// takeAll takes what changed in the collections of one kind. A slice that moved from one group to another, by its deletion and a
// new one of its name, is in both collections for a moment: the younger counts.
func takeAll[P interface {
	comparable
	metav1.Object
}](collections []*collection, orphans map[string]struct{}) map[string]P {
	var gone P
	changed := map[string]P{}
	for name := range orphans {
		changed[name] = gone
	}
	for _, c := range collections {
		for _, name := range c.take() {
			changed[name] = gone
		}
	}
	for name, newest := range changed {
		for _, c := range collections {
			object, ok := c.holds(name).(P)
			if ok && (newest == gone || object.GetCreationTimestamp().After(newest.GetCreationTimestamp().Time)) {
				newest = object
			}
		}
		changed[name] = newest
	}
	return changed
}

// collectionsOf returns one collection of each group, in the order of the groups' names.
func (w *Watcher) collectionsOf(kind func(group) *collection) []*collection {
	collections := make([]*collection, 0, len(w.groups))
	for _, name := range slices.Sorted(maps.Keys(w.groups)) {
		collections = append(collections, kind(w.groups[name]))
	}
	return collections
}

// passwords reads all Secrets that are followed: a few.
func (w *Watcher) passwords() map[string]string {
	passwords := make(map[string]string, len(w.secrets))
	for name, c := range w.secrets {
		for _, object := range c.store.List() {
			secret, ok := object.(*corev1.Secret)
			if !ok {
				continue
			}
			if password, ok := secret.Data[v1alpha1.PasswordKey]; ok {
				passwords[name] = string(password)
			}
		}
	}
	return passwords
}
