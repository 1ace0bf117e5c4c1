// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

// Package api tests the API and the manager against a real API server: what config/ installs is what is tested, and
// manager and agents have the rights that config/rbac gives them. No director's kernel is touched.
package api

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
	"github.com/lvs-operator/lvs-operator/test/controlplane"
)

// root is the repository.
const root = "../.."

// operatorNamespace is config/default's.
const operatorNamespace = "lvs-operator-system"

var (
	cp     *controlplane.ControlPlane
	scheme = runtime.NewScheme()
	// managerBinary is cmd/manager, built for these tests.
	managerBinary string
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// run installs config/default, as a user does, and runs the tests.
func run(m *testing.M) (code int, err error) {
	ctrl.SetLogger(logr.Discard())
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, apiextensionsv1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return 1, err
		}
	}
	dir, err := os.MkdirTemp("", "lvs-operator-api-")
	if err != nil {
		return 1, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	managerBinary = filepath.Join(dir, "manager")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", managerBinary, root+"/cmd/manager").CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build the manager: %w: %s", err, out)
	}
	assets, err := controlplane.Assets(ctx)
	if err != nil {
		return 1, err
	}
	if cp, err = controlplane.Start(ctx, controlplane.Options{AssetsDir: assets, Dir: filepath.Join(dir, "controlplane")}); err != nil {
		return 1, err
	}
	defer func() { _ = cp.Stop() }()
	if _, err := cp.Kubectl(ctx, "apply", "--server-side", "-k", root+"/config/default"); err != nil {
		return 1, err
	}
	if _, err := cp.Kubectl(ctx, "wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"); err != nil {
		return 1, err
	}
	// kubectl keeps what it learned of the API before there were CRDs.
	if _, err := cp.Kubectl(ctx, "api-resources", "--cached=false", "--api-group=lvs-operator.io"); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// admin is who installs the operator, and users in what concerns their own kinds.
func admin(t *testing.T) client.Client { return clientOf(t, cp.RESTConfig()) }

// account is a service account of the operator with the rights of config/rbac.
func account(t *testing.T, name string) client.Client { return clientOf(t, accountConfig(t, name)) }

func accountConfig(t *testing.T, name string) *rest.Config {
	t.Helper()
	token, err := cp.ServiceAccountToken(t.Context(), operatorNamespace, name, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	cfg := rest.AnonymousClientConfig(cp.RESTConfig())
	cfg.BearerToken = token
	cfg.QPS = -1
	return cfg
}

func clientOf(t *testing.T, cfg *rest.Config) client.Client {
	t.Helper()
	c, err := client.New(cfg, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := cp.Kubectl(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
