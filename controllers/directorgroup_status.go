// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"strings"

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

// DirectorGroupStatusReconciler writes one director group's status, and tells of a change of the Active director.
type DirectorGroupStatusReconciler struct {
	client client.Client
	plans  *plans
	events events.EventRecorder
	// lastActive is, a group's name, the director that was last Active alone. One worker reconciles, so it needs no lock.
	lastActive map[string]string
}

// Reconcile does nothing for a group that is not compiled at its present generation: its compilation wakes it again.
func (r *DirectorGroupStatusReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	before := &v1alpha1.DirectorGroup{}
	if err := r.client.Get(ctx, request.NamespacedName, before, shared); err != nil {
		if apierrors.IsNotFound(err) {
			delete(r.lastActive, request.Name)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	compiled := r.plans.get(before.Name)
	if compiled == nil || compiled.view.Group.Generation != before.Generation {
		return ctrl.Result{}, nil
	}
	now := metav1.Now()
	directors, again, err := readDirectors(ctx, r.client, before.Name, compiled.view.Directors, now.Time)
	if err != nil {
		return ctrl.Result{}, err
	}
	after := before.DeepCopy()
	after.Status = rollup.DirectorGroup(before, compiled.view, directors, now)
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
	if became(before.Conditions, after.Conditions, v1alpha1.ConditionReady, v1alpha1.ReasonTwoActives) {
		r.events.Eventf(group, nil, corev1.EventTypeWarning, v1alpha1.ReasonTwoActives, "Elect", "%s", messageOf(after.Conditions, v1alpha1.ConditionReady))
	}
	if became(before.Conditions, after.Conditions, v1alpha1.ConditionExclusive, v1alpha1.ReasonForeignRouter) {
		r.events.Eventf(group, nil, corev1.EventTypeWarning, v1alpha1.ReasonForeignRouter, "Listen", "%s", messageOf(after.Conditions, v1alpha1.ConditionExclusive))
	}
	for _, reason := range []string{v1alpha1.ReasonConflict, v1alpha1.ReasonNoFreeRouterID} {
		if became(before.Conditions, after.Conditions, v1alpha1.ConditionAccepted, reason) {
			r.events.Eventf(group, nil, corev1.EventTypeWarning, reason, "Compile", "%s", messageOf(after.Conditions, v1alpha1.ConditionAccepted))
		}
	}
	if before.Active == after.Active {
		return
	}
	if isOne(before.Active) {
		r.lastActive[group.Name] = before.Active
	}
	if isOne(after.Active) {
		r.events.Eventf(group, nil, corev1.EventTypeNormal, v1alpha1.ReasonActiveChanged, "Elect", "%s", activeMessage(r.lastActive[group.Name], after.Active))
	}
}

// isOne says whether a status.active names exactly one director.
func isOne(active string) bool { return active != "" && !strings.Contains(active, ",") }

// activeMessage names the director that is Active now and the one that last was so alone, empty for none that is known.
func activeMessage(last, now string) string {
	switch last {
	case "":
		return fmt.Sprintf("director %s is Active", now)
	case now:
		return fmt.Sprintf("director %s is Active again", now)
	default:
		return fmt.Sprintf("director %s is Active, before it was %s", now, last)
	}
}
