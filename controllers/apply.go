// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// FieldOwner is the manager of every field that the controller writes.
const FieldOwner = "lvs-operator-manager"

// manifest is what server-side apply sends: an object without what others write.
type manifest struct {
	APIVersion string           `json:"apiVersion"`
	Kind       string           `json:"kind"`
	Metadata   manifestMetadata `json:"metadata"`
	Spec       any              `json:"spec"`
}

type manifestMetadata struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels,omitempty"`
}

// apply has the API server make the object's labels and spec what they are here, whoever wrote them before, and fills the
// object from its answer.
func apply(ctx context.Context, c client.Client, object client.Object, spec any) error {
	gvk, err := apiutil.GVKForObject(object, c.Scheme())
	if err != nil {
		return fmt.Errorf("apply %s: %w", object.GetName(), err)
	}
	version, kind := gvk.ToAPIVersionAndKind()
	body, err := json.Marshal(manifest{
		APIVersion: version,
		Kind:       kind,
		Metadata:   manifestMetadata{Name: object.GetName(), Labels: object.GetLabels()},
		Spec:       spec,
	})
	if err != nil {
		return fmt.Errorf("apply %s %s: encode it: %w", kind, object.GetName(), err)
	}
	if err := c.Patch(ctx, object, client.RawPatch(types.ApplyPatchType, body), client.ForceOwnership, client.FieldOwner(FieldOwner)); err != nil {
		return fmt.Errorf("apply %s %s: %w", kind, object.GetName(), err)
	}
	return nil
}

// remove deletes the object. One that is gone already is no error.
func remove(ctx context.Context, c client.Client, object client.Object) error {
	if err := c.Delete(ctx, object); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete %T %s: %w", object, object.GetName(), err)
	}
	return nil
}

// patchStatus writes what differs in the status of after. An object that is gone needs none.
func patchStatus(ctx context.Context, c client.Client, before, after client.Object) error {
	err := c.Status().Patch(ctx, after, client.MergeFrom(before), client.FieldOwner(FieldOwner))
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("patch status of %T %s: %w", before, client.ObjectKeyFromObject(before), err)
	}
	return nil
}
