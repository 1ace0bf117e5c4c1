// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
	"github.com/lvs-operator/lvs-operator/controllers/compile"
)

// NodeStateReconciler writes one node's NodeState.spec from the plans of all groups. A node that has no part any more
// keeps a NodeState with an empty spec, so that its agent sees what to give up; a Node that is gone has none.
type NodeStateReconciler struct {
	client client.Client
	plans  *plans
}

// Reconcile writes the spec if it differs. A group that is not compiled yet keeps the part that it has.
func (r *NodeStateReconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	state, err := r.current(ctx, request.Name)
	if err != nil {
		return ctrl.Result{}, err
	}
	pending, err := r.pending(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	var spec v1alpha1.NodeStateSpec
	if state != nil {
		spec = state.Spec
	}
	wanted := compile.MergeNode(spec, r.plans.nodeParts(request.Name), pending)
	switch {
	case state == nil && isEmpty(wanted):
		return ctrl.Result{}, nil
	case state == nil || !equality.Semantic.DeepEqual(state.Spec, wanted):
		written := &v1alpha1.NodeState{ObjectMeta: metav1.ObjectMeta{Name: request.Name}}
		return ctrl.Result{}, apply(ctx, r.client, written, manifestOf(wanted))
	case isEmpty(wanted):
		return ctrl.Result{}, r.removeIfNodeless(ctx, request.Name)
	default:
		return ctrl.Result{}, nil
	}
}

// current is the node's NodeState as we last wrote it; nil: there is none.
func (r *NodeStateReconciler) current(ctx context.Context, name string) (*v1alpha1.NodeState, error) {
	state := &v1alpha1.NodeState{}
	err := r.client.Get(ctx, client.ObjectKey{Name: name}, state, shared)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get NodeState %s: %w", name, err)
	}
	return state, nil
}

// pending are the groups that exist and are not compiled yet.
func (r *NodeStateReconciler) pending(ctx context.Context) ([]string, error) {
	var groups v1alpha1.DirectorGroupList
	if err := r.client.List(ctx, &groups, shared, fresh); err != nil {
		return nil, fmt.Errorf("list DirectorGroups: %w", err)
	}
	var pending []string
	for i := range groups.Items {
		if r.plans.get(groups.Items[i].Name) == nil {
			pending = append(pending, groups.Items[i].Name)
		}
	}
	return pending, nil
}

// removeIfNodeless deletes the NodeState of a Node that does not exist.
func (r *NodeStateReconciler) removeIfNodeless(ctx context.Context, name string) error {
	err := r.client.Get(ctx, client.ObjectKey{Name: name}, &corev1.Node{}, shared)
	if err == nil {
		return nil
	}
	if !apierrors.IsNotFound(err) {
		return fmt.Errorf("get Node %s: %w", name, err)
	}
	return remove(ctx, r.client, &v1alpha1.NodeState{ObjectMeta: metav1.ObjectMeta{Name: name}})
}

// nodeStateManifest is a NodeState.spec whose groups are written even if there are none: server-side apply makes null of an
// object whose last field goes, which the CRD refuses.
type nodeStateManifest struct {
	DirectorGroups []v1alpha1.NodeDirectorGroup `json:"directorGroups"`
	RealServer     *v1alpha1.NodeRealServer     `json:"realServer,omitempty"`
}

func manifestOf(spec v1alpha1.NodeStateSpec) nodeStateManifest {
	manifest := nodeStateManifest{DirectorGroups: spec.DirectorGroups, RealServer: spec.RealServer}
	if manifest.DirectorGroups == nil {
		manifest.DirectorGroups = []v1alpha1.NodeDirectorGroup{}
	}
	return manifest
}

func isEmpty(spec v1alpha1.NodeStateSpec) bool {
	return len(spec.DirectorGroups) == 0 && spec.RealServer == nil
}
