// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
	"github.com/lvs-operator/lvs-operator/controllers/rollup"
)

// DirectorGroupStatusReconciler writes one director group's status, shows it in metrics, and tells of what changes in its elections.
type DirectorGroupStatusReconciler struct {
	client    client.Client
	plans     *plans
	elections *elections
	metrics   electionMetrics
	events    events.EventRecorder
	// lastActive is who was last Active alone. One worker reconciles, so it needs no lock.
	lastActive lastActive
}

// Reconcile does nothing for a group that is not compiled at its present generation: its compilation wakes it again.
func (r *DirectorGroupStatusReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	before := &v1alpha1.DirectorGroup{}
	if err := r.client.Get(ctx, request.NamespacedName, before, shared); err != nil {
		if apierrors.IsNotFound(err) {
			r.elections.forget(request.Name)
			r.metrics.forget(request.Name)
			delete(r.lastActive, request.Name)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	compiled := r.plans.get(before.Name)
	if compiled == nil || compiled.view.Group.Generation != before.Generation {
		return ctrl.Result{}, nil
	}
	directors, again, err := r.elections.read(ctx, before, compiled.view.Directors)
	if err != nil {
		return ctrl.Result{}, err
	}
	after := before.DeepCopy()
	after.Status = rollup.DirectorGroup(before, compiled.view, directors, metav1.Now())
	r.metrics.show(before.Name, before.Status.VirtualRouters, after.Status.VirtualRouters)
	if equality.Semantic.DeepEqual(before.Status, after.Status) {
		return ctrl.Result{RequeueAfter: again}, nil
	}
	status := after.Status
	if err := patchStatus(ctx, r.client, before, after); err != nil {
		return ctrl.Result{}, err
	}
	r.tell(before, before.Status, status)
	return ctrl.Result{RequeueAfter: again}, nil
}

// tell sends an event for what an operator must see: once a change, never a state.
func (r *DirectorGroupStatusReconciler) tell(group *v1alpha1.DirectorGroup, before, after v1alpha1.DirectorGroupStatus) {
	r.tellElections(group, before.VirtualRouters, after)
	if became(before.Conditions, after.Conditions, v1alpha1.ConditionExclusive, v1alpha1.ReasonForeignRouter) {
		r.events.Eventf(group, nil, corev1.EventTypeWarning, v1alpha1.ReasonForeignRouter, "Listen", "%s", messageOf(after.Conditions, v1alpha1.ConditionExclusive))
	}
	for _, reason := range []string{v1alpha1.ReasonConflict, v1alpha1.ReasonNoFreeRouterID} {
		if became(before.Conditions, after.Conditions, v1alpha1.ConditionAccepted, reason) {
			r.events.Eventf(group, nil, corev1.EventTypeWarning, reason, "Compile", "%s", messageOf(after.Conditions, v1alpha1.ConditionAccepted))
		}
	}
}

// tellElections sends an event for a split brain that begins or ends, and for a director that is Active now in place of another:
// one event for each of the three, whatever the number of virtual routers.
func (r *DirectorGroupStatusReconciler) tellElections(group *v1alpha1.DirectorGroup, before []v1alpha1.Election, after v1alpha1.DirectorGroupStatus) {
	changes := compareElections(before, after.VirtualRouters, r.lastActive.of(group.Name))
	for _, id := range changes.split {
		r.metrics.split(group.Name, id)
	}
	if len(changes.split) > 0 {
		r.events.Eventf(group, nil, corev1.EventTypeWarning, v1alpha1.ReasonTwoActives, "Elect", "%s",
			noteOf([]string{messageOf(after.Conditions, v1alpha1.ConditionReady)}))
	}
	if len(changes.healed) > 0 {
		r.events.Eventf(group, nil, corev1.EventTypeNormal, v1alpha1.ReasonOneActive, "Elect", "%s", noteOf(changes.healed))
	}
	if len(changes.active) > 0 {
		r.events.Eventf(group, nil, corev1.EventTypeNormal, v1alpha1.ReasonActiveChanged, "Elect", "%s", noteOf(changes.active))
	}
}
