// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
	"github.com/lvs-operator/lvs-operator/test/controlplane"
)

// programmedBound ends the wait for an operator that does not program a service.
const programmedBound = time.Minute

// Applied is how long kubectl apply, and what follows from it, took; both from the moment at which kubectl was started.
type Applied struct {
	// Output is what kubectl printed.
	Output string `json:"output"`
	// Kubectl is until kubectl had ended.
	Kubectl time.Duration `json:"kubectl"`
	// Programmed is until the API server told a watcher that the service's condition Programmed is True.
	Programmed time.Duration `json:"programmed"`
}

// applyAndWatch applies a folder while it watches a VirtualService.
func applyAndWatch(ctx context.Context, cp *controlplane.ControlPlane, folder, namespace, name string) (Applied, error) {
	clients, err := dynamic.NewForConfig(cp.RESTConfig())
	if err != nil {
		return Applied{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, programmedBound)
	defer cancel()
	resource := v1alpha1.GroupVersion.WithResource("lvsvirtualservices")
	watcher, err := clients.Resource(resource).Namespace(namespace).Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	if err != nil {
		return Applied{}, fmt.Errorf("watch %s/%s: %w", namespace, name, err)
	}
	defer watcher.Stop()

	began := time.Now()
	programmed := make(chan time.Duration, 1)
	go func() {
		for event := range watcher.ResultChan() {
			if isProgrammed(event.Object) {
				programmed <- time.Since(began)
				return
			}
		}
	}()
	out, err := cp.Kubectl(ctx, "apply", "-f", folder)
	if err != nil {
		return Applied{}, err
	}
	applied := Applied{Output: string(out), Kubectl: time.Since(began)}
	select {
	case applied.Programmed = <-programmed:
		return applied, nil
	case <-ctx.Done():
		return Applied{}, errors.Join(fmt.Errorf("%s/%s did not become Programmed", namespace, name), ctx.Err())
	}
}

func isProgrammed(object runtime.Object) bool {
	service, ok := object.(*unstructured.Unstructured)
	if !ok {
		return false
	}
	var typed v1alpha1.VirtualService
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(service.Object, &typed); err != nil {
		return false
	}
	condition := meta.FindStatusCondition(typed.Status.Conditions, v1alpha1.ConditionProgrammed)
	return condition != nil && condition.Status == metav1.ConditionTrue && condition.ObservedGeneration == typed.Generation
}

// Apply applies a folder of manifests as kubectl apply -f does, and measures how long it takes until the named VirtualService
// is programmed.
func (c *Client) Apply(ctx context.Context, folder, namespace, name string) (Applied, error) {
	out, err := c.post(ctx, "/apply", nil, []string{folder, namespace, name})
	if err != nil {
		return Applied{}, err
	}
	var applied Applied
	if err := json.Unmarshal([]byte(out), &applied); err != nil {
		return Applied{}, fmt.Errorf("read the control server's answer: %w", err)
	}
	return applied, nil
}
