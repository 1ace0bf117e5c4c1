// SPDX-License-Identifier: Apache-2.0

//go:build chart

package chart

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

func TestTheChartInstallsWhatKustomizeInstalls(t *testing.T) {
	want := parse(t, kustomize(t))
	// Helm makes the namespace, or the user does.
	delete(want, identity{"Namespace", "", operatorNamespace})
	if len(want) == 0 {
		t.Fatal("config/default renders nothing to compare with")
	}
	got := parse(t, mustTemplate(t, operatorNamespace))
	got.dropHelmLabels()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("config/default (-) and the chart (+) differ; `make generate` copies CRDs and roles, pods are written by hand:\n%s", diff)
	}
}

func TestTheChartFollowsTheNamespaceOfItsRelease(t *testing.T) {
	rendered := mustTemplate(t, "directors")
	for id := range parse(t, rendered) {
		if id.Namespace != "" && id.Namespace != "directors" {
			t.Errorf("%v is not in namespace directors, that of the release", id)
		}
	}
	for i, line := range bytes.Split(rendered, []byte("\n")) {
		if bytes.Contains(line, []byte("namespace: "+operatorNamespace)) {
			t.Errorf("line %d refers to config/default's namespace: %s", i+1, line)
		}
	}
}

func TestTheUserDecidesImagesAndWherePodsRun(t *testing.T) {
	got := parse(t, mustTemplate(t, operatorNamespace,
		"--set-string=manager.image.repository=registry.example/manager,manager.image.tag=1.10",
		"--set=manager.replicas=3",
		"--set-string=manager.nodeSelector.pool=control",
		`--set-json=manager.tolerations=[{"key":"control","operator":"Exists"}]`,
		"--set-string=manager.resources.limits.memory=256Mi",
		"--set-string=agent.image.repository=registry.example/agent,agent.image.tag=1.11",
		"--set-string=agent.nodeSelector.pool=edge",
		`--set-json=agent.tolerations=[{"key":"edge","operator":"Exists"}]`,
		"--set-string=agent.resources.requests.cpu=200m",
	))
	var manager appsv1.Deployment
	got.into(t, identity{"Deployment.apps", operatorNamespace, "lvs-operator-manager"}, &manager)
	if replicas := manager.Spec.Replicas; replicas == nil || *replicas != 3 {
		t.Errorf("the manager's replicas are %v, want 3", replicas)
	}
	checkPod(t, manager.Spec.Template.Spec, "registry.example/manager:1.10", map[string]string{"pool": "control"}, "control")
	if memory := manager.Spec.Template.Spec.Containers[0].Resources.Limits.Memory().String(); memory != "256Mi" {
		t.Errorf("the manager's memory limit is %s, want 256Mi", memory)
	}
	var agent appsv1.DaemonSet
	got.into(t, identity{"DaemonSet.apps", operatorNamespace, "lvs-operator-agent"}, &agent)
	checkPod(t, agent.Spec.Template.Spec, "registry.example/agent:1.11", map[string]string{"kubernetes.io/os": "linux", "pool": "edge"}, "edge")
	if cpu := agent.Spec.Template.Spec.Containers[0].Resources.Requests.Cpu().String(); cpu != "200m" {
		t.Errorf("the agent's CPU request is %s, want 200m", cpu)
	}
}

// into converts one object to its Go type and fails on fields that the type does not have.
func (o objects) into(t *testing.T, id identity, typed any) {
	t.Helper()
	object := o[id]
	if object == nil {
		t.Fatalf("the chart renders no %v", id)
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, typed, true); err != nil {
		t.Fatalf("convert %v: %v", id, err)
	}
}

func checkPod(t *testing.T, pod corev1.PodSpec, image string, nodeSelector map[string]string, tolerated string) {
	t.Helper()
	if got := pod.Containers[0].Image; got != image {
		t.Errorf("the image is %s, want %s", got, image)
	}
	if diff := cmp.Diff(nodeSelector, pod.NodeSelector); diff != "" {
		t.Errorf("%s: node selector (-want +got):\n%s", image, diff)
	}
	want := []corev1.Toleration{{Key: tolerated, Operator: corev1.TolerationOpExists}}
	if diff := cmp.Diff(want, pod.Tolerations); diff != "" {
		t.Errorf("%s: tolerations (-want +got):\n%s", image, diff)
	}
}

func TestTheChartRefusesValuesThatItDoesNotKnow(t *testing.T) {
	for name, refused := range map[string]struct {
		flag  string
		reads []string
	}{
		"an unknown key":          {"--set=metrics=true", []string{"additional properties", "'metrics'"}},
		"a misspelt key":          {"--set=manager.replica=3", []string{"/manager", "'replica'"}},
		"a misspelt key below":    {"--set=agent.image.tags=dev", []string{"/agent/image", "'tags'"}},
		"no manager at all":       {"--set=manager.replicas=0", []string{"/manager/replicas", "minimum"}},
		"a tag that is a number":  {"--set=agent.image.tag=1", []string{"/agent/image/tag", "want string"}},
		"a tag left empty":        {"--set-string=manager.image.tag=", []string{"/manager/image/tag", "does not match"}},
		"an unknown toleration":   {`--set-json=agent.tolerations=[{"operators":"Exists"}]`, []string{"/agent/tolerations/0", "'operators'"}},
		"a resource out of place": {"--set=agent.resources.cpu=1", []string{"/agent/resources", "'cpu'"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := template(t, operatorNamespace, refused.flag)
			if err == nil {
				t.Fatalf("%s is accepted", refused.flag)
			}
			missing := slices.DeleteFunc(slices.Clone(refused.reads), func(part string) bool { return strings.Contains(err.Error(), part) })
			if len(missing) > 0 {
				t.Errorf("%s is refused without saying %q: %v", refused.flag, missing, err)
			}
		})
	}
}

func TestHelmFindsNoFaultWithTheChart(t *testing.T) {
	if _, err := runHelm(t, "lint", "--strict", chartPath); err != nil {
		t.Error(err)
	}
}
