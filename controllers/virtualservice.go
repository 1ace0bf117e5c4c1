// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
	"github.com/lvs-operator/lvs-operator/controllers/rollup"
)

// VirtualServiceReconciler writes one virtual service's status, and tells of a conflict and of clients that are no longer
// served.
type VirtualServiceReconciler struct {
	client    client.Client
	plans     *plans
	elections *elections
	events    events.EventRecorder
}

// Reconcile does nothing for a service that is not compiled at its present generation: its group's compilation wakes it
// again.
func (r *VirtualServiceReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	before := &v1alpha1.VirtualService{}
	if err := r.client.Get(ctx, request.NamespacedName, before, shared); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	status, again, err := r.rollup(ctx, before)
	if err != nil || status == nil || equality.Semantic.DeepEqual(before.Status, *status) {
		return ctrl.Result{RequeueAfter: again}, err
	}
	after := before.DeepCopy()
	after.Status = *status
	if err := patchStatus(ctx, r.client, before, after); err != nil {
		return ctrl.Result{}, err
	}
	r.tell(before, before.Status.Conditions, status.Conditions)
	return ctrl.Result{RequeueAfter: again}, nil
}

// tell sends an event for what an operator must see: once a change, never a state.
func (r *VirtualServiceReconciler) tell(service *v1alpha1.VirtualService, before, after []metav1.Condition) {
	if became(before, after, v1alpha1.ConditionAccepted, v1alpha1.ReasonConflict) {
		r.events.Eventf(service, nil, corev1.EventTypeWarning, v1alpha1.ReasonConflict, "Compile", "%s", messageOf(after, v1alpha1.ConditionAccepted))
	}
	if fell(before, after, v1alpha1.ConditionReady, v1alpha1.ReasonNoActive) {
		r.events.Eventf(service, nil, corev1.EventTypeWarning, v1alpha1.ReasonNoActive, "Serve", "%s", messageOf(after, v1alpha1.ConditionReady))
	}
	switch was, is := unhealthy(before), unhealthy(after); {
	case is != "" && is != was && (was != "" || meta.IsStatusConditionTrue(before, v1alpha1.ConditionReady)):
		r.events.Eventf(service, nil, corev1.EventTypeWarning, is, "Serve", "%s", messageOf(after, v1alpha1.ConditionReady))
	case was != "" && meta.IsStatusConditionTrue(after, v1alpha1.ConditionReady):
		r.events.Eventf(service, nil, corev1.EventTypeNormal, v1alpha1.ReasonServed, "Serve", "%s", messageOf(after, v1alpha1.ConditionReady))
	}
}

// unhealthy is the reason for which Ready is False, if it lies in the health of the real servers; else empty.
func unhealthy(conditions []metav1.Condition) string {
	ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.Status != metav1.ConditionFalse {
		return ""
	}
	switch ready.Reason {
	case v1alpha1.ReasonNoHealthyRealServer, v1alpha1.ReasonQuorumLost, v1alpha1.ReasonSorryServer, v1alpha1.ReasonPanicThreshold:
		return ready.Reason
	}
	return ""
}

// rollup is the service's status; nil while its group's compilation is older than the service. again, if not 0, is when to
// look at it again though nothing will have changed.
func (r *VirtualServiceReconciler) rollup(ctx context.Context, service *v1alpha1.VirtualService) (status *v1alpha1.VirtualServiceStatus, again time.Duration, err error) {
	now := metav1.Now()
	group := &v1alpha1.DirectorGroup{}
	err = r.client.Get(ctx, client.ObjectKey{Name: service.Spec.DirectorGroup}, group, shared, fresh)
	if apierrors.IsNotFound(err) {
		groupless := rollup.WithoutGroup(service, now)
		return &groupless, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("get DirectorGroup %s: %w", service.Spec.DirectorGroup, err)
	}
	compiled := r.plans.get(group.Name)
	if compiled == nil {
		return nil, 0, nil
	}
	needs, judged := compiled.view.Services[client.ObjectKeyFromObject(service)]
	if !judged || needs.Generation != service.Generation {
		return nil, 0, nil
	}
	directors, again, err := r.elections.read(ctx, group, compiled.view.Directors)
	if err != nil {
		return nil, 0, err
	}
	rolled := rollup.VirtualService(service, needs, directors, now)
	return &rolled, again, nil
}
