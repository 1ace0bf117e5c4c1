// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// watches maps a changed object to what has to be looked at again.
type watches struct {
	client client.Client
}

// groupsOfService are the service's own group, and those of services with the same address or mark: one of them may have it
// now.
func (w *watches) groupsOfService(ctx context.Context, object client.Object) []reconcile.Request {
	service := object.(*v1alpha1.VirtualService)
	names := map[string]bool{service.Spec.DirectorGroup: true}
	w.addRivals(ctx, names, service)
	return requests(names)
}

// groupsOfPool are the groups of the services that name the pool, and of those services' rivals.
func (w *watches) groupsOfPool(ctx context.Context, object client.Object) []reconcile.Request {
	names := map[string]bool{}
	for _, service := range w.services(ctx, poolField, object.GetName(), client.InNamespace(object.GetNamespace())) {
		names[service.Spec.DirectorGroup] = true
		w.addRivals(ctx, names, &service)
	}
	return requests(names)
}

func (w *watches) addRivals(ctx context.Context, groups map[string]bool, service *v1alpha1.VirtualService) {
	for _, shared := range []struct {
		field  string
		values []string
	}{{addressField, addressesOf(service)}, {markField, marksOf(service)}} {
		for _, value := range shared.values {
			for _, rival := range w.services(ctx, shared.field, value) {
				groups[rival.Spec.DirectorGroup] = true
			}
		}
	}
}

// allGroups is for what may concern any group: nodes, namespaces, other groups.
func (w *watches) allGroups(ctx context.Context, _ client.Object) []reconcile.Request {
	var groups v1alpha1.DirectorGroupList
	if err := w.client.List(ctx, &groups, shared, fresh); err != nil {
		log.FromContext(ctx).Error(err, "cannot list DirectorGroups to look at again")
		return nil
	}
	names := map[string]bool{}
	for i := range groups.Items {
		names[groups.Items[i].Name] = true
	}
	return requests(names)
}

// groupsOfState are the groups that a NodeState names in its spec or status.
func (w *watches) groupsOfState(_ context.Context, object client.Object) []reconcile.Request {
	return requests(groupsIn(object.(*v1alpha1.NodeState)))
}

// servicesOfState are the services of those groups.
func (w *watches) servicesOfState(ctx context.Context, object client.Object) []reconcile.Request {
	groups := groupsIn(object.(*v1alpha1.NodeState))
	all := make([]reconcile.Request, 0, len(groups))
	for group := range groups {
		all = append(all, w.requestsOfGroup(ctx, group)...)
	}
	return all
}

// servicesOfNode are the services of the groups in which the node is a director. A node without a NodeState is none yet.
func (w *watches) servicesOfNode(ctx context.Context, object client.Object) []reconcile.Request {
	state := &v1alpha1.NodeState{}
	if err := w.client.Get(ctx, client.ObjectKey{Name: object.GetName()}, state, shared, fresh); err != nil {
		if client.IgnoreNotFound(err) != nil {
			log.FromContext(ctx).Error(err, "cannot read a NodeState to look at its VirtualServices again", "node", object.GetName())
		}
		return nil
	}
	return w.servicesOfState(ctx, state)
}

// servicesOfGroup are the services that name a group, which was created or deleted.
func (w *watches) servicesOfGroup(ctx context.Context, object client.Object) []reconcile.Request {
	return w.requestsOfGroup(ctx, object.GetName())
}

func (w *watches) requestsOfGroup(ctx context.Context, group string) []reconcile.Request {
	services := w.services(ctx, groupField, group)
	all := make([]reconcile.Request, 0, len(services))
	for i := range services {
		all = append(all, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&services[i])})
	}
	return all
}

// services finds services in the cache. A failure leaves them unseen until the next change, and is logged.
func (w *watches) services(ctx context.Context, field, value string, options ...client.ListOption) []v1alpha1.VirtualService {
	var list v1alpha1.VirtualServiceList
	options = append(options, client.MatchingFields{field: value}, shared, fresh)
	if err := w.client.List(ctx, &list, options...); err != nil {
		log.FromContext(ctx).Error(err, "cannot list VirtualServices to look at again", field, value)
	}
	return list.Items
}

func groupsIn(state *v1alpha1.NodeState) map[string]bool {
	names := map[string]bool{}
	for i := range state.Spec.DirectorGroups {
		names[state.Spec.DirectorGroups[i].Name] = true
	}
	for i := range state.Status.DirectorGroups {
		names[state.Status.DirectorGroups[i].Name] = true
	}
	return names
}

// poolOfService is the pool that the service names.
func poolOfService(_ context.Context, object client.Object) []reconcile.Request {
	return []reconcile.Request{{NamespacedName: types.NamespacedName{
		Namespace: object.GetNamespace(),
		Name:      object.(*v1alpha1.VirtualService).Spec.RealServerPool,
	}}}
}

// groupOfServiceSlice and groupOfRealServerSlice are whose slice it is: what somebody else changed is put back.
func groupOfServiceSlice(_ context.Context, object client.Object) []reconcile.Request {
	return requests(map[string]bool{object.(*v1alpha1.ServiceSlice).Spec.DirectorGroup: true})
}

func groupOfRealServerSlice(_ context.Context, object client.Object) []reconcile.Request {
	return requests(map[string]bool{object.(*v1alpha1.RealServerSlice).Spec.DirectorGroup: true})
}

func requests(names map[string]bool) []reconcile.Request {
	all := make([]reconcile.Request, 0, len(names))
	for _, name := range slices.Sorted(maps.Keys(names)) {
		all = append(all, reconcile.Request{NamespacedName: types.NamespacedName{Name: name}})
	}
	return all
}

func mapped(f handler.MapFunc) handler.EventHandler { return handler.EnqueueRequestsFromMapFunc(f) }

// specChanged leaves out changes of the status.
func specChanged() predicate.Predicate { return predicate.GenerationChangedPredicate{} }

// nodePlaceChanged lets through what compile reads of a Node, and nothing of a kubelet's heartbeat.
func nodePlaceChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*corev1.Node), e.ObjectNew.(*corev1.Node)
		return !maps.Equal(before.Labels, after.Labels) || !slices.Equal(internalIPs(before), internalIPs(after)) ||
			leaving(before) != leaving(after)
	}}
}

// nodeReadyChanged lets through a Node's becoming ready or not.
func nodeReadyChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		return isNotReady(e.ObjectOld.(*corev1.Node)) != isNotReady(e.ObjectNew.(*corev1.Node))
	}}
}

// reportChanged lets through what the users' statuses are made of: not every count of an agent's.
func reportChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*v1alpha1.NodeState), e.ObjectNew.(*v1alpha1.NodeState)
		return before.Generation != after.Generation ||
			before.Status.ObservedGeneration != after.Status.ObservedGeneration ||
			before.Status.ProblemCount != after.Status.ProblemCount ||
			!equality.Semantic.DeepEqual(before.Status.DirectorGroups, after.Status.DirectorGroups) ||
			!equality.Semantic.DeepEqual(before.Status.Problems, after.Status.Problems)
	}}
}
