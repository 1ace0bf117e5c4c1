// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

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

// VirtualServiceReconciler writes one virtual service's status, and tells of a conflict.
type VirtualServiceReconciler struct {
	client client.Client
	plans  *plans
	events events.EventRecorder
}

// Reconcile does nothing for a service that is not compiled at its present generation: its group's compilation wakes it
// again.
func (r *VirtualServiceReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	before := &v1alpha1.VirtualService{}
	if err := r.client.Get(ctx, request.NamespacedName, before, shared); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	status, known, err := r.rollup(ctx, before)
	if err != nil || !known || equality.Semantic.DeepEqual(before.Status, status) {
		return ctrl.Result{}, err
	}
	after := before.DeepCopy()
	after.Status = status
	if err := patchStatus(ctx, r.client, before, after); err != nil {
		return ctrl.Result{}, err
	}
	if became(before.Status.Conditions, status.Conditions, v1alpha1.ConditionAccepted, v1alpha1.ReasonConflict) {
		r.events.Eventf(before, nil, corev1.EventTypeWarning, v1alpha1.ReasonConflict, "Compile", "%s", messageOf(status.Conditions, v1alpha1.ConditionAccepted))
	}
	return ctrl.Result{}, nil
}

// rollup is the service's status; known is false while its group's compilation is older than the service.
func (r *VirtualServiceReconciler) rollup(ctx context.Context, service *v1alpha1.VirtualService) (status v1alpha1.VirtualServiceStatus, known bool, err error) {
	group := service.Spec.DirectorGroup
	err = r.client.Get(ctx, client.ObjectKey{Name: group}, &v1alpha1.DirectorGroup{}, shared, fresh)
	if apierrors.IsNotFound(err) {
		return rollup.WithoutGroup(service, metav1.Now()), true, nil
	}
	if err != nil {
		return status, false, fmt.Errorf("get DirectorGroup %s: %w", group, err)
	}
	compiled := r.plans.get(group)
	if compiled == nil {
		return status, false, nil
	}
	needs, judged := compiled.view.Services[client.ObjectKeyFromObject(service)]
	if !judged || needs.Generation != service.Generation {
		return status, false, nil
	}
	directors, err := readDirectors(ctx, r.client, group, compiled.view.Directors)
	if err != nil {
		return status, false, err
	}
	return rollup.VirtualService(service, needs, directors, metav1.Now()), true, nil
}
