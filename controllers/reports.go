// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
	"github.com/lvs-operator/lvs-operator/controllers/rollup"
)

// readDirectors reads what the agents of a group's directors report at now. again, if not 0, is when to read it again
// though nothing will have changed; see [rollup.Directors].
func readDirectors(ctx context.Context, c client.Client, group string, names []string, now time.Time) (directors []rollup.Director, again time.Duration, err error) {
	states := make(map[string]*v1alpha1.NodeState, len(names))
	notReady := map[string]bool{}
	for _, name := range names {
		state := &v1alpha1.NodeState{}
		switch err := c.Get(ctx, client.ObjectKey{Name: name}, state, shared, fresh); {
		case err == nil:
			states[name] = state
		case !apierrors.IsNotFound(err):
			return nil, 0, fmt.Errorf("get NodeState %s: %w", name, err)
		}
		node := &corev1.Node{}
		switch err := c.Get(ctx, client.ObjectKey{Name: name}, node, shared, fresh); {
		case err == nil:
			notReady[name] = isNotReady(node)
		case !apierrors.IsNotFound(err):
			return nil, 0, fmt.Errorf("get Node %s: %w", name, err)
		}
	}
	directors, again = rollup.Directors(group, names, states, notReady, now)
	return directors, again, nil
}

// isNotReady says whether the cluster has lost the node's kubelet. A node without the condition is not lost.
func isNotReady(node *corev1.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status != corev1.ConditionTrue
		}
	}
	return false
}
