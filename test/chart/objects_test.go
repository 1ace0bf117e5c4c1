// SPDX-License-Identifier: Apache-2.0

//go:build chart

package chart

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// identity is what an API server tells objects apart by.
type identity struct{ Kind, Namespace, Name string }

type objects map[identity]*unstructured.Unstructured

// parse reads a stream of YAML documents and leaves out those that hold nothing but comments. An object that is there twice
// fails the test.
func parse(t *testing.T, stream []byte) objects {
	t.Helper()
	found := objects{}
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(stream), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatalf("decode object %d: %v", len(found), err)
		}
		if len(object.Object) == 0 {
			continue
		}
		id := identity{object.GroupVersionKind().GroupKind().String(), object.GetNamespace(), object.GetName()}
		if found[id] != nil {
			t.Fatalf("%v is rendered twice", id)
		}
		found[id] = object
	}
}

// dropHelmLabels takes off what Helm puts on every object's metadata. The labels of pods stay: a chart's version there would
// restart every agent.
func (o objects) dropHelmLabels() {
	for _, object := range o {
		labels := object.GetLabels()
		for _, label := range []string{"app.kubernetes.io/instance", "app.kubernetes.io/managed-by", "helm.sh/chart"} {
			delete(labels, label)
		}
		if len(labels) == 0 {
			labels = nil
		}
		object.SetLabels(labels)
	}
}
