// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"slices"
	"unique"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// slim frees what nobody here reads of an object before it is kept, and has equal texts share their memory. Doing it again
// changes nothing.
func slim(object any) (any, error) {
	if accessor, err := meta.Accessor(object); err == nil {
		accessor.SetManagedFields(nil)
		accessor.SetLabels(nil)
		accessor.SetAnnotations(nil)
		accessor.SetOwnerReferences(nil)
		accessor.SetFinalizers(nil)
	}
	switch object := object.(type) {
	case *v1alpha1.ServiceSlice:
		slimServices(&object.Spec)
	case *v1alpha1.RealServerSlice:
		slimRealServers(&object.Spec)
	case *corev1.Secret:
		// An agent holds no secret that it does not use.
		password, ok := object.Data[v1alpha1.PasswordKey]
		object.Data = nil
		if ok {
			object.Data = map[string][]byte{v1alpha1.PasswordKey: password}
		}
	}
	return object, nil
}

func slimServices(spec *v1alpha1.ServiceSliceSpec) {
	share(&spec.DirectorGroup)
	spec.Services = exactly(spec.Services)
	for i := range spec.Services {
		s := &spec.Services[i]
		share(&s.Address)
		share(&s.Protocol)
		share(&s.Scheduler)
		share(&s.ForwardingMethod)
		share(&s.Pool.Namespace)
		share(&s.Pool.Name)
		share(&s.Pool.Hash)
	}
}

func slimRealServers(spec *v1alpha1.RealServerSliceSpec) {
	share(&spec.DirectorGroup)
	share(&spec.Pool.Namespace)
	share(&spec.Pool.Name)
	spec.RealServers = exactly(spec.RealServers)
}

// share replaces a text by the one that all its equals share.
func share[S ~string](text *S) { *text = S(unique.Make(string(*text)).Value()) }

// exactly drops the spare room that a decoder leaves: up to a third of what a slice of 100 takes.
func exactly[T any](list []T) []T {
	if cap(list) == len(list) {
		return list
	}
	return slices.Clip(append(make([]T, 0, len(list)), list...))
}
