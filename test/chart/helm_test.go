// SPDX-License-Identifier: Apache-2.0

//go:build chart

// Package chart tests the Helm chart against config/default by what the two render, and installs it into a real API server. It
// runs no pod.
package chart

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/lvs-operator/lvs-operator/test/controlplane"
)

const (
	// helm is built from its module, once: minutes, then from Go's build cache.
	helm = "helm.sh/helm/v4/cmd/helm@v4.3.1"
	// chartPath and kustomization are relative to this directory.
	chartPath     = "../../charts/lvs-operator"
	kustomization = "../../config/default"
	// operatorNamespace is config/default's.
	operatorNamespace = "lvs-operator-system"
)

// runHelm returns helm's standard output, or an error that holds its standard error. Helm reads and writes its settings and
// caches in a directory of the test's own.
func runHelm(t *testing.T, args ...string) ([]byte, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"run", helm}, args...)...)
	home := t.TempDir()
	cmd.Env = append(cmd.Environ(), "GOFLAGS=", "GOWORK=off", "KUBECONFIG="+filepath.Join(home, "none"),
		"HELM_CONFIG_HOME="+home, "HELM_CACHE_HOME="+home, "HELM_DATA_HOME="+home)
	return output(cmd)
}

// template renders the chart as `helm install` into namespace would, with flags of the form --set-string=key=value.
func template(t *testing.T, namespace string, flags ...string) ([]byte, error) {
	t.Helper()
	return runHelm(t, append([]string{"template", "lvs-operator", chartPath, "--include-crds", "--namespace", namespace}, flags...)...)
}

// mustTemplate is template where a failure ends the test.
func mustTemplate(t *testing.T, namespace string, flags ...string) []byte {
	t.Helper()
	rendered, err := template(t, namespace, flags...)
	if err != nil {
		t.Fatal(err)
	}
	return rendered
}

// kustomize renders config/default.
func kustomize(t *testing.T) []byte {
	t.Helper()
	programs, err := controlplane.Assets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rendered, err := output(exec.CommandContext(t.Context(), filepath.Join(programs, "kubectl"), "kustomize", kustomization))
	if err != nil {
		t.Fatal(err)
	}
	return rendered
}

func output(cmd *exec.Cmd) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("run %q: %w: %s%s", cmd.Args, err, stderr.Bytes(), stdout.Bytes())
	}
	return stdout.Bytes(), nil
}
