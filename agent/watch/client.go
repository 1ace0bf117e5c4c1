// SPDX-License-Identifier: Apache-2.0

// Package watch keeps one node's view of the API server: its NodeState, the slices of its director groups, and the
// Secrets that those name. It never writes, and it never decides what the view means.
package watch

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// Clients are the two REST clients that an agent needs: one for the project's own kinds, one for Secrets.
type Clients struct {
	// LVS serves the group lvs-operator.io.
	LVS rest.Interface
	// Core serves the core group.
	Core rest.Interface
}

// NewClients makes the clients of a configuration. It opens no connection.
func NewClients(config *rest.Config) (Clients, error) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return Clients{}, fmt.Errorf("register the kinds of %s: %w", v1alpha1.GroupVersion, err)
	}
	// Only Secrets are needed of the core group; the whole of it would cost an agent several MB.
	scheme.AddKnownTypes(corev1.SchemeGroupVersion, &corev1.Secret{}, &corev1.SecretList{})
	metav1.AddToGroupVersion(scheme, corev1.SchemeGroupVersion)
	codecs := serializer.NewCodecFactory(scheme).WithoutConversion()

	lvs := rest.CopyConfig(config)
	lvs.GroupVersion, lvs.APIPath, lvs.NegotiatedSerializer = &v1alpha1.GroupVersion, "/apis", codecs
	lvsClient, err := rest.RESTClientFor(lvs)
	if err != nil {
		return Clients{}, fmt.Errorf("make the API client for %s: %w", v1alpha1.GroupVersion, err)
	}
	core := rest.CopyConfig(config)
	core.GroupVersion, core.APIPath, core.NegotiatedSerializer = &corev1.SchemeGroupVersion, "/api", codecs
	coreClient, err := rest.RESTClientFor(core)
	if err != nil {
		return Clients{}, fmt.Errorf("make the API client for Secrets: %w", err)
	}
	return Clients{LVS: lvsClient, Core: coreClient}, nil
}

// The resources that an agent reads.
const (
	nodeStates       = "nodestates"
	serviceSlices    = "serviceslices"
	realServerSlices = "realserverslices"
	secrets          = "secrets"
)

// source lists and watches a resource's objects that selector matches.
func (c Clients) source(resource, namespace string, selector fields.Selector) cache.ListerWatcher {
	client := c.LVS
	if resource == secrets {
		client = c.Core
	}
	return cache.NewListWatchFromClient(client, resource, namespace, selector)
}
