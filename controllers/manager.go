// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// leaseName is the Lease by which one manager of several is the leader.
const leaseName = "lvs-operator-manager"

// readinessWait bounds how long one question for readiness waits for the cache.
const readinessWait = 500 * time.Millisecond

// Options say how a manager runs.
type Options struct {
	// LeaderElect has one manager of several work. Without it there must be only one.
	LeaderElect bool
	// Namespace is where the Lease of the leader election is.
	Namespace string
	// MetricsBindAddress is where /metrics listens, as host:port; "0": nowhere.
	MetricsBindAddress string
	// HealthProbeBindAddress is where /healthz and /readyz listen, as host:port; "0": nowhere.
	HealthProbeBindAddress string
	// Log receives everything.
	Log logr.Logger
}

// NewManager makes a manager with all reconcilers; its Start runs them. ctx bounds the making alone.
func NewManager(ctx context.Context, cfg *rest.Config, options Options) (ctrl.Manager, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(corev1.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, fmt.Errorf("make scheme: %w", err)
	}
	readOwnWrites := true
	mgr, err := ctrl.NewManager(cfg, ctrl.Options{
		Scheme:                        scheme,
		Logger:                        options.Log,
		Cache:                         cacheOptions(),
		Client:                        client.Options{Cache: &client.CacheOptions{EnableReadYourWritesConsistency: &readOwnWrites}},
		Metrics:                       metricsserver.Options{BindAddress: options.MetricsBindAddress},
		HealthProbeBindAddress:        options.HealthProbeBindAddress,
		LeaderElection:                options.LeaderElect,
		LeaderElectionID:              leaseName,
		LeaderElectionNamespace:       options.Namespace,
		LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		return nil, fmt.Errorf("make manager: %w", err)
	}
	if err := SetupWithManager(ctx, mgr); err != nil {
		return nil, err
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return nil, fmt.Errorf("add health check: %w", err)
	}
	if err := mgr.AddReadyzCheck("cache", cacheSynced(mgr.GetCache())); err != nil {
		return nil, fmt.Errorf("add readiness check: %w", err)
	}
	return mgr, nil
}

// cacheOptions keep in memory only what is read. Slices are many and large, and their managedFields are larger.
func cacheOptions() cache.Options {
	return cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Node{}: {Transform: trimNode},
		},
	}
}

// trimNode leaves of a Node its name, labels, addresses, whether it hands over, and its Ready condition.
func trimNode(object any) (any, error) {
	node, ok := object.(*corev1.Node)
	if !ok {
		return object, nil
	}
	var annotations map[string]string
	if value, has := node.Annotations[v1alpha1.HandOverAnnotation]; has {
		annotations = map[string]string{v1alpha1.HandOverAnnotation: value}
	}
	node.ManagedFields, node.Annotations = nil, annotations
	node.Spec = corev1.NodeSpec{Unschedulable: node.Spec.Unschedulable}
	trimmed := corev1.NodeStatus{Addresses: node.Status.Addresses}
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			trimmed.Conditions = []corev1.NodeCondition{condition}
		}
	}
	node.Status = trimmed
	return node, nil
}

// cacheSynced is ready once everything has been listed.
func cacheSynced(c cache.Cache) healthz.Checker {
	return func(request *http.Request) error {
		ctx, cancel := context.WithTimeout(request.Context(), readinessWait)
		defer cancel()
		if !c.WaitForCacheSync(ctx) {
			return errors.New("the cache has not been filled yet; see the log for what cannot be listed")
		}
		return nil
	}
}
