// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// statusWorkers is how many statuses of a kind are written at the same time.
const statusWorkers = 4

// SetupWithManager adds all reconcilers to the manager, whose client must read its own writes (see [NewManager]).
func SetupWithManager(ctx context.Context, mgr ctrl.Manager) error {
	if err := addIndexes(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	s := &setup{
		mgr:       mgr,
		watches:   &watches{client: mgr.GetClient()},
		plans:     newPlans(),
		wake:      &wake{},
		elections: newElections(mgr.GetClient()),
	}
	for _, add := range []func() error{s.directorGroup, s.directorGroupStatus, s.nodeState, s.virtualService, s.realServerPool} {
		if err := add(); err != nil {
			return fmt.Errorf("add controllers: %w", err)
		}
	}
	return nil
}

// setup is what the controllers have in common.
type setup struct {
	mgr       ctrl.Manager
	watches   *watches
	plans     *plans
	wake      *wake
	elections *elections
}

// directorGroup compiles one group at a time: groups look at each other's claims, not at each other's slices.
func (s *setup) directorGroup() error {
	return ctrl.NewControllerManagedBy(s.mgr).
		Named("directorgroup").
		For(&v1alpha1.DirectorGroup{}, builder.WithPredicates(specChanged())).
		Watches(&v1alpha1.DirectorGroup{}, mapped(s.watches.allGroups), builder.WithPredicates(specChanged())).
		Watches(&v1alpha1.VirtualService{}, mapped(s.watches.groupsOfService), builder.WithPredicates(specChanged())).
		Watches(&v1alpha1.RealServerPool{}, mapped(s.watches.groupsOfPool), builder.WithPredicates(specChanged())).
		Watches(&v1alpha1.ServiceSlice{}, mapped(groupOfServiceSlice)).
		Watches(&v1alpha1.RealServerSlice{}, mapped(groupOfRealServerSlice)).
		Watches(&v1alpha1.NodeState{}, mapped(s.watches.groupsOfState), builder.WithPredicates(specChanged())).
		Watches(&corev1.Node{}, mapped(s.watches.allGroups), builder.WithPredicates(nodePlaceChanged())).
		WatchesMetadata(&corev1.Namespace{}, mapped(s.watches.allGroups), builder.WithPredicates(predicate.LabelChangedPredicate{})).
		Complete(&DirectorGroupReconciler{client: s.mgr.GetClient(), plans: s.plans, wake: s.wake})
}

func (s *setup) directorGroupStatus() error {
	return ctrl.NewControllerManagedBy(s.mgr).
		Named("directorgroup-status").
		For(&v1alpha1.DirectorGroup{}).
		Watches(&v1alpha1.NodeState{}, mapped(s.watches.groupsOfState), builder.WithPredicates(reportChanged())).
		Watches(&corev1.Node{}, mapped(s.watches.allGroups), builder.WithPredicates(nodeReadyChanged())).
		WatchesRawSource(s.wake.groups.source()).
		Complete(&DirectorGroupStatusReconciler{
			client: s.mgr.GetClient(), plans: s.plans, elections: s.elections, metrics: ofElections,
			events: s.mgr.GetEventRecorder(FieldOwner), lastActive: lastActive{},
		})
}

func (s *setup) nodeState() error {
	return ctrl.NewControllerManagedBy(s.mgr).
		Named("nodestate").
		For(&v1alpha1.NodeState{}, builder.WithPredicates(specChanged())).
		Watches(&corev1.Node{}, &handler.EnqueueRequestForObject{}, builder.WithPredicates(nodePlaceChanged())).
		WatchesRawSource(s.wake.nodes.source()).
		WithOptions(controller.Options{MaxConcurrentReconciles: statusWorkers}).
		Complete(&NodeStateReconciler{client: s.mgr.GetClient(), plans: s.plans})
}

func (s *setup) virtualService() error {
	return ctrl.NewControllerManagedBy(s.mgr).
		Named("virtualservice").
		For(&v1alpha1.VirtualService{}).
		Watches(&v1alpha1.DirectorGroup{}, mapped(s.watches.servicesOfGroup), builder.WithPredicates(specChanged())).
		Watches(&v1alpha1.NodeState{}, mapped(s.watches.servicesOfState), builder.WithPredicates(reportChanged())).
		Watches(&corev1.Node{}, mapped(s.watches.servicesOfNode), builder.WithPredicates(nodeReadyChanged())).
		WatchesRawSource(s.wake.services.source()).
		WithOptions(controller.Options{MaxConcurrentReconciles: statusWorkers}).
		Complete(&VirtualServiceReconciler{
			client: s.mgr.GetClient(), plans: s.plans, elections: s.elections, events: s.mgr.GetEventRecorder(FieldOwner),
		})
}

func (s *setup) realServerPool() error {
	return ctrl.NewControllerManagedBy(s.mgr).
		Named("realserverpool").
		For(&v1alpha1.RealServerPool{}).
		Watches(&v1alpha1.VirtualService{}, mapped(poolOfService), builder.WithPredicates(specChanged())).
		Complete(&RealServerPoolReconciler{client: s.mgr.GetClient()})
}
