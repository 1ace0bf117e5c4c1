// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
	"github.com/lvs-operator/lvs-operator/controllers/compile"
)

// shared reads from the cache without copying; nothing that is read with it may be changed.
const shared = client.UnsafeDisableDeepCopy

// fresh does not wait until the cache has seen our own writes. It is for reads that a later event repeats, and never for
// an object whose old status or slices decide what comes next.
var fresh asCached

// asCached is the type of fresh.
type asCached struct{}

// ApplyToGet implements [client.GetOption].
func (asCached) ApplyToGet(o *client.GetOptions) { o.DisableReadYourWritesConsistency = true }

// ApplyToList implements [client.ListOption].
func (asCached) ApplyToList(o *client.ListOptions) { o.DisableReadYourWritesConsistency = true }

// gather reads all that one group's compilation needs. The slices and the groups' statuses are read as we last wrote them;
// everything else as the cache has it.
func gather(ctx context.Context, c client.Client, group string) (compile.Snapshot, error) {
	var (
		groups           v1alpha1.DirectorGroupList
		services         v1alpha1.VirtualServiceList
		pools            v1alpha1.RealServerPoolList
		serviceSlices    v1alpha1.ServiceSliceList
		realServerSlices v1alpha1.RealServerSliceList
		nodes            corev1.NodeList
		states           v1alpha1.NodeStateList
		namespaces       = namespaceList()
		ofGroup          = client.MatchingFields{groupField: group}
		none             compile.Snapshot
	)
	for _, read := range []struct {
		list    client.ObjectList
		options []client.ListOption
	}{
		{&groups, []client.ListOption{shared}},
		{&services, []client.ListOption{shared, fresh}},
		{&pools, []client.ListOption{shared, fresh}},
		{&nodes, []client.ListOption{shared, fresh}},
		{namespaces, []client.ListOption{shared, fresh}},
		{&states, []client.ListOption{shared, fresh}},
		{&serviceSlices, []client.ListOption{shared, ofGroup}},
		{&realServerSlices, []client.ListOption{shared, ofGroup}},
	} {
		if err := c.List(ctx, read.list, read.options...); err != nil {
			return none, fmt.Errorf("list %T: %w", read.list, err)
		}
	}
	return compile.Snapshot{
		Group:            group,
		Groups:           pointers(groups.Items),
		Nodes:            readNodes(nodes.Items),
		Namespaces:       readNamespaces(namespaces.Items),
		Services:         pointers(services.Items),
		Pools:            pointers(pools.Items),
		ServiceSlices:    pointers(serviceSlices.Items),
		RealServerSlices: pointers(realServerSlices.Items),
		NodeStates:       pointers(states.Items),
	}, nil
}

// namespaceList reads namespaces by their metadata alone.
func namespaceList() *metav1.PartialObjectMetadataList {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("NamespaceList"))
	return list
}

func readNamespaces(items []metav1.PartialObjectMetadata) map[string]map[string]string {
	all := make(map[string]map[string]string, len(items))
	for i := range items {
		all[items[i].Name] = items[i].Labels
	}
	return all
}

func readNodes(items []corev1.Node) []compile.Node {
	nodes := make([]compile.Node, 0, len(items))
	for i := range items {
		nodes = append(nodes, compile.Node{
			Name:        items[i].Name,
			Labels:      items[i].Labels,
			InternalIPs: internalIPs(&items[i]),
			Leaving:     leaving(&items[i]),
		})
	}
	return nodes
}

func leaving(node *corev1.Node) string {
	return compile.Leaving(node.Spec.Unschedulable, node.Annotations)
}

func internalIPs(node *corev1.Node) []string {
	var addresses []string
	for _, address := range node.Status.Addresses {
		if address.Type == corev1.NodeInternalIP {
			addresses = append(addresses, address.Address)
		}
	}
	return addresses
}

// pointers lets the list's items be passed on without a copy each.
func pointers[T any](items []T) []*T {
	all := make([]*T, 0, len(items))
	for i := range items {
		all = append(all, &items[i])
	}
	return all
}
