// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// The fields by which cached objects are found.
const (
	groupField   = "spec.directorGroup"
	poolField    = "spec.realServerPool"
	addressField = "spec.address"
)

func addIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	for _, index := range []struct {
		object client.Object
		field  string
		value  func(client.Object) string
	}{
		{&v1alpha1.VirtualService{}, groupField, func(o client.Object) string { return o.(*v1alpha1.VirtualService).Spec.DirectorGroup }},
		{&v1alpha1.VirtualService{}, poolField, func(o client.Object) string { return o.(*v1alpha1.VirtualService).Spec.RealServerPool }},
		{&v1alpha1.VirtualService{}, addressField, func(o client.Object) string { return string(o.(*v1alpha1.VirtualService).Spec.Address) }},
		{&v1alpha1.ServiceSlice{}, groupField, func(o client.Object) string { return o.(*v1alpha1.ServiceSlice).Spec.DirectorGroup }},
		{&v1alpha1.RealServerSlice{}, groupField, func(o client.Object) string { return o.(*v1alpha1.RealServerSlice).Spec.DirectorGroup }},
	} {
		value := func(o client.Object) []string { return []string{index.value(o)} }
		if err := indexer.IndexField(ctx, index.object, index.field, value); err != nil {
			return fmt.Errorf("index %T by %s: %w", index.object, index.field, err)
		}
	}
	return nil
}
