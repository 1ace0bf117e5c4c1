// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package api

import (
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// definitions are the operator's CRDs as the API server has them.
func definitions(t *testing.T) []apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	var list apiextensionsv1.CustomResourceDefinitionList
	if err := admin(t).List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(list.Items, func(crd apiextensionsv1.CustomResourceDefinition) bool {
		return crd.Spec.Group != "lvs-operator.io"
	})
}

func TestTheSixKindsAreInstalled(t *testing.T) {
	want := map[string]string{
		"directorgroups":     "dg",
		"lvsvirtualservices": "lvsvs",
		"nodestates":         "lvsns",
		"realserverpools":    "rsp",
		"realserverslices":   "",
		"serviceslices":      "",
	}
	found := definitions(t)
	if len(found) != len(want) {
		t.Errorf("%d kinds, want %d", len(found), len(want))
	}
	for _, crd := range found {
		names := crd.Spec.Names
		if short, known := want[names.Plural]; !known || strings.Join(names.ShortNames, ",") != short {
			t.Errorf("%s has the short names %q, want %q", names.Plural, names.ShortNames, short)
		}
		if !slices.Contains(names.Categories, "lvs") {
			t.Errorf("`kubectl get lvs` leaves %s out", names.Plural)
		}
		for _, condition := range crd.Status.Conditions {
			if condition.Type == apiextensionsv1.NonStructuralSchema && condition.Status == apiextensionsv1.ConditionTrue {
				t.Errorf("%s: %s", names.Plural, condition.Message)
			}
		}
	}
}

func TestEveryFieldIsExplained(t *testing.T) {
	fields := 0
	for _, crd := range definitions(t) {
		schema := crd.Spec.Versions[0].Schema.OpenAPIV3Schema
		walk(schema, crd.Spec.Names.Kind, func(path string, field *apiextensionsv1.JSONSchemaProps) {
			fields++
			if len(field.Description) < 10 {
				t.Errorf("%s is not explained: %q", path, field.Description)
			}
			// A duration says its form and its default, in compiled kinds the one that was filled in.
			duration := strings.HasSuffix(path, "nterval") || strings.HasSuffix(path, "imeout") || strings.HasSuffix(path, "Delay")
			if duration && (!strings.Contains(field.Description, "duration") || !strings.Contains(field.Description, "efault")) {
				t.Errorf("%s says nothing of a duration or its default: %q", path, field.Description)
			}
			if field.Default != nil && !strings.Contains(strings.ToLower(field.Description), "default") {
				t.Errorf("%s has the default %s and does not say so: %q", path, field.Default.Raw, field.Description)
			}
		})
	}
	if fields < 100 {
		t.Errorf("only %d fields were looked at", fields)
	}
}

// walk visits every property below the schema that is the operator's own: metadata is Kubernetes'.
func walk(schema *apiextensionsv1.JSONSchemaProps, path string, visit func(string, *apiextensionsv1.JSONSchemaProps)) {
	for name, property := range schema.Properties {
		if below := path + "." + name; name != "metadata" {
			visit(below, &property)
			walk(&property, below, visit)
		}
	}
	if schema.Items != nil && schema.Items.Schema != nil {
		walk(schema.Items.Schema, path, visit)
	}
}

func TestKubectlExplainsAField(t *testing.T) {
	text := strings.Join(strings.Fields(kubectl(t, "explain", "lvsvs.spec.scheduler")), " ")
	for _, scheduler := range schedulers {
		if !strings.Contains(text, scheduler+" (") {
			t.Errorf("%s is not mentioned in:\n%s", scheduler, text)
		}
	}
}
