// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
	"github.com/lvs-operator/lvs-operator/controllers/rollup"
)

// RealServerPoolReconciler writes one real server pool's status.
type RealServerPoolReconciler struct {
	client client.Client
}

// Reconcile counts the services that name the pool.
func (r *RealServerPoolReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	before := &v1alpha1.RealServerPool{}
	if err := r.client.Get(ctx, request.NamespacedName, before, shared, fresh); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	var services v1alpha1.VirtualServiceList
	named := client.MatchingFields{poolField: before.Name}
	if err := r.client.List(ctx, &services, client.InNamespace(before.Namespace), named, shared, fresh); err != nil {
		return ctrl.Result{}, fmt.Errorf("list VirtualServices of RealServerPool %s: %w", request, err)
	}
	after := before.DeepCopy()
	after.Status = rollup.RealServerPool(before, len(services.Items), metav1.Now())
	if equality.Semantic.DeepEqual(before.Status, after.Status) {
		return ctrl.Result{}, nil
	}
	return ctrl.Result{}, patchStatus(ctx, r.client, before, after)
}
