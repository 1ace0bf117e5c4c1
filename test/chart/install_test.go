// SPDX-License-Identifier: Apache-2.0

//go:build chart

package chart

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/lvs-operator/lvs-operator/test/controlplane"
)

// TestOneReleaseServesACluster installs the chart into an API server, where no controller makes pods of it.
func TestOneReleaseServesACluster(t *testing.T) {
	cluster, kubeconfig := startCluster(t)
	kubectl := func(args ...string) string {
		t.Helper()
		out, err := cluster.Kubectl(t.Context(), args...)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	install := func(release, namespace string) (string, error) {
		t.Helper()
		notes, err := runHelm(t, "install", release, chartPath, "--kubeconfig", kubeconfig, "--namespace", namespace, "--create-namespace")
		return string(notes), err
	}

	notes, err := install("lvs-operator", "directors")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(notes, "kubectl label namespace directors pod-security.kubernetes.io/enforce=privileged") {
		t.Errorf("the notes do not say how to let the agents' namespace use the host's network:\n%s", notes)
	}
	kubectl("--namespace=directors", "get", "deployment/lvs-operator-manager", "daemonset/lvs-operator-agent")
	if answer := kubectl("auth", "can-i", "get", "secrets", "--namespace=directors",
		"--as=system:serviceaccount:directors:lvs-operator-agent"); strings.TrimSpace(answer) != "yes" {
		t.Errorf("may an agent read the Secrets of its own namespace? %s", answer)
	}

	if _, err := install("second", "elsewhere"); err == nil {
		t.Error("a second release is installed beside the first")
	} else if !strings.Contains(err.Error(), "cannot be imported into the current release") {
		t.Errorf("a second release is refused for another reason than the first: %v", err)
	}

	if _, err := runHelm(t, "uninstall", "lvs-operator", "--kubeconfig", kubeconfig, "--namespace", "directors", "--wait=hookOnly"); err != nil {
		t.Fatal(err)
	}
	if left := kubectl("get", "clusterroles,clusterrolebindings", "--output=name"); strings.Contains(left, "lvs-operator") {
		t.Errorf("uninstalling leaves rights behind:\n%s", left)
	}
	kubectl("get", "crd", "directorgroups.lvs-operator.io")
}

// startCluster returns an API server that ends with the test, and its administrator's kubeconfig.
func startCluster(t *testing.T) (*controlplane.ControlPlane, string) {
	t.Helper()
	dir := t.TempDir()
	cluster, err := controlplane.Start(t.Context(), controlplane.Options{Dir: filepath.Join(dir, "controlplane")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	kubeconfig := filepath.Join(dir, "kubeconfig")
	if err := controlplane.WriteKubeconfig(kubeconfig, cluster.RESTConfig()); err != nil {
		t.Fatal(err)
	}
	return cluster, kubeconfig
}
