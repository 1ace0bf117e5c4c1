// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
	"github.com/lvs-operator/lvs-operator/controllers/compile"
	"github.com/lvs-operator/lvs-operator/controllers/rollup"
)

// DirectorGroupReconciler compiles one director group and writes its slices. It publishes what the other reconcilers make
// NodeStates and statuses of.
type DirectorGroupReconciler struct {
	client client.Client
	plans  *plans
	wake   *wake
}

// Reconcile writes the slices in the order in which agents need them: real servers before the services that name them.
func (r *DirectorGroupReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	snapshot, err := gather(ctx, r.client, request.Name)
	if err != nil {
		return ctrl.Result{}, err
	}
	if !exists(snapshot) {
		return ctrl.Result{}, r.forget(ctx, snapshot)
	}
	if before := r.plans.get(request.Name); before != nil {
		snapshot.Previous = before.nodes
	}
	compiled := compile.Compile(snapshot)
	if err := r.keepAllocation(ctx, compiled, snapshot); err != nil {
		return ctrl.Result{}, err
	}
	generations, err := r.applySlices(ctx, compiled, snapshot)
	if err != nil {
		return ctrl.Result{}, err
	}
	if err := r.publish(ctx, request.Name, compiled, generations); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{}, r.removeSlices(ctx, compiled, snapshot)
}

// keepAllocation writes what was allocated into the group's status, before anybody acts on it. What a group that is not carried out
// had, it keeps.
func (r *DirectorGroupReconciler) keepAllocation(ctx context.Context, compiled compile.Result, s compile.Snapshot) error {
	if !compiled.Group.OK() {
		return nil
	}
	for _, before := range s.Groups {
		status := before.Status
		if before.Name != s.Group || slices.Equal(status.VirtualRouterIDs, compiled.VirtualRouterIDs) && slices.Equal(status.Places, compiled.Places) {
			continue
		}
		after := before.DeepCopy()
		after.Status.VirtualRouterIDs, after.Status.Places = compiled.VirtualRouterIDs, compiled.Places
		return patchStatus(ctx, r.client, before, after)
	}
	return nil
}

func exists(s compile.Snapshot) bool {
	for _, group := range s.Groups {
		if group.Name == s.Group {
			return true
		}
	}
	return false
}

// applySlices writes what differs from what stands, and returns every wanted slice's generation by its name.
func (r *DirectorGroupReconciler) applySlices(ctx context.Context, wanted compile.Result, s compile.Snapshot) (map[string]int64, error) {
	generations := map[string]int64{}
	for _, step := range []struct{ wanted, stand []client.Object }{
		{objects(pointers(wanted.RealServerSlices)), objects(s.RealServerSlices)},
		{objects(pointers(wanted.ServiceSlices)), objects(s.ServiceSlices)},
	} {
		stand := byName(step.stand)
		for _, slice := range step.wanted {
			generation, err := r.applySlice(ctx, slice, stand[slice.GetName()])
			if err != nil {
				return nil, err
			}
			generations[slice.GetName()] = generation
		}
	}
	return generations, nil
}

// applySlice writes the slice unless it stands as wanted; stands is nil for none. It returns the generation.
func (r *DirectorGroupReconciler) applySlice(ctx context.Context, wanted, stands client.Object) (int64, error) {
	if stands != nil && sameSlice(stands, wanted) {
		return stands.GetGeneration(), nil
	}
	written := wanted.DeepCopyObject().(client.Object)
	if err := apply(ctx, r.client, written, specOf(wanted)); err != nil {
		return 0, err
	}
	return written.GetGeneration(), nil
}

// publish makes the compilation known, and wakes whom it concerns: the nodes whose part changed, and the services whose
// needs did. A group's first plan concerns every NodeState, because none gave anything up before it.
func (r *DirectorGroupReconciler) publish(ctx context.Context, group string, compiled compile.Result, generations map[string]int64) error {
	var previous rollup.View
	before := r.plans.get(group)
	if before != nil {
		previous = before.view
	}
	next := &plan{nodes: compiled.Nodes, view: rollup.NewView(previous, compiled, generations)}
	r.plans.put(group, next)
	r.wake.group(group)
	r.wake.changed(before, next)
	if before != nil {
		return nil
	}
	var states v1alpha1.NodeStateList
	if err := r.client.List(ctx, &states, shared, fresh); err != nil {
		return fmt.Errorf("list NodeStates: %w", err)
	}
	for i := range states.Items {
		r.wake.node(states.Items[i].Name)
	}
	return nil
}

// removeSlices deletes the group's slices that nothing needs any more: services before their real servers.
func (r *DirectorGroupReconciler) removeSlices(ctx context.Context, wanted compile.Result, s compile.Snapshot) error {
	for _, step := range []struct{ wanted, stand []client.Object }{
		{objects(pointers(wanted.ServiceSlices)), objects(s.ServiceSlices)},
		{objects(pointers(wanted.RealServerSlices)), objects(s.RealServerSlices)},
	} {
		keep := byName(step.wanted)
		for _, slice := range step.stand {
			if keep[slice.GetName()] != nil {
				continue
			}
			if err := remove(ctx, r.client, slice.DeepCopyObject().(client.Object)); err != nil {
				return err
			}
		}
	}
	return nil
}

// forget takes a deleted group back: first its parts in NodeStates, and its slices once no NodeState names it, which the
// change of the last NodeState brings us back for.
func (r *DirectorGroupReconciler) forget(ctx context.Context, s compile.Snapshot) error {
	r.wake.changed(r.plans.put(s.Group, nil), &plan{})
	var states v1alpha1.NodeStateList
	if err := r.client.List(ctx, &states, shared); err != nil {
		return fmt.Errorf("list NodeStates: %w", err)
	}
	named := false
	for i := range states.Items {
		for _, group := range states.Items[i].Spec.DirectorGroups {
			if group.Name == s.Group {
				named = true
				r.wake.node(states.Items[i].Name)
			}
		}
	}
	if named {
		return nil
	}
	return r.removeSlices(ctx, compile.Result{}, s)
}

// sameSlice compares what apply would write.
func sameSlice(a, b client.Object) bool {
	return a.GetLabels()[v1alpha1.DirectorGroupLabel] == b.GetLabels()[v1alpha1.DirectorGroupLabel] &&
		equality.Semantic.DeepEqual(specOf(a), specOf(b))
}

// specOf is the spec of a slice of either kind.
func specOf(slice client.Object) any {
	switch s := slice.(type) {
	case *v1alpha1.ServiceSlice:
		return s.Spec
	case *v1alpha1.RealServerSlice:
		return s.Spec
	}
	return nil
}

func objects[T client.Object](typed []T) []client.Object {
	all := make([]client.Object, 0, len(typed))
	for _, object := range typed {
		all = append(all, object)
	}
	return all
}

func byName(objects []client.Object) map[string]client.Object {
	all := make(map[string]client.Object, len(objects))
	for _, object := range objects {
		all[object.GetName()] = object
	}
	return all
}
