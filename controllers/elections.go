// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
	"github.com/lvs-operator/lvs-operator/controllers/rollup"
)

// elections are what the controller has read of the groups' elections. All statuses are made of the same readings, so that a service
// and its group never disagree on who is Active.
type elections struct {
	client client.Reader

	mu      sync.Mutex
	byGroup map[string]*rollup.Claims
}

func newElections(reader client.Reader) *elections {
	return &elections{client: reader, byGroup: map[string]*rollup.Claims{}}
}

// read reads what the agents of a group's directors report at this moment. again, if not 0, is when to read it again though nothing
// will have changed; see [rollup.Claims.Settle]. Readings are in order: none is settled after a newer one.
func (e *elections) read(ctx context.Context, group *v1alpha1.DirectorGroup, names []string) (directors []rollup.Director, again time.Duration, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	states := make(map[string]*v1alpha1.NodeState, len(names))
	notReady := map[string]bool{}
	for _, name := range names {
		state := &v1alpha1.NodeState{}
		switch err := e.client.Get(ctx, client.ObjectKey{Name: name}, state, shared, fresh); {
		case err == nil:
			states[name] = state
		case !apierrors.IsNotFound(err):
			return nil, 0, fmt.Errorf("get NodeState %s: %w", name, err)
		}
		node := &corev1.Node{}
		switch err := e.client.Get(ctx, client.ObjectKey{Name: name}, node, shared, fresh); {
		case err == nil:
			notReady[name] = isNotReady(node)
		case !apierrors.IsNotFound(err):
			return nil, 0, fmt.Errorf("get Node %s: %w", name, err)
		}
	}
	claims, known := e.byGroup[group.Name]
	if !known {
		claims = rollup.NewClaims(group.Status)
		e.byGroup[group.Name] = claims
	}
	directors = rollup.Directors(group.Name, names, states, notReady)
	return directors, claims.Settle(directors, time.Now()), nil
}

// forget is for a group that is gone.
func (e *elections) forget(group string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.byGroup, group)
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
