// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package controlplane_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/lvs-operator/lvs-operator/test/controlplane"
)

// readerManifest lets service account director read ConfigMaps of namespace lvs-system, and nothing else.
const readerManifest = `
apiVersion: v1
kind: Namespace
metadata: {name: lvs-system}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: director, namespace: lvs-system}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: lvs-system}
rules:
- {apiGroups: [""], resources: [configmaps], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader, namespace: lvs-system}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: director, namespace: lvs-system}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: edge, namespace: lvs-system}
data: {address: 192.0.2.10}
`

func start(t *testing.T) *controlplane.ControlPlane {
	t.Helper()
	began := time.Now()
	cp, err := controlplane.Start(t.Context(), controlplane.Options{Dir: filepath.Join(t.TempDir(), "cp")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cp.Stop(); err != nil {
			t.Error(err)
		}
	})
	t.Logf("ready after %s", time.Since(began).Round(100*time.Millisecond))
	if _, err := cp.KubectlInput(t.Context(), strings.NewReader(readerManifest), "apply", "--server-side", "-f", "-"); err != nil {
		t.Fatal(err)
	}
	return cp
}

func configMaps(t *testing.T, cfg *rest.Config) corev1client.ConfigMapInterface {
	t.Helper()
	client, err := corev1client.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return client.ConfigMaps("lvs-system")
}

func TestObjectsAndTokensOutliveAStopOfTheAPIServer(t *testing.T) {
	cp := start(t)
	endpoint := cp.Endpoint()
	token, err := cp.ServiceAccountToken(t.Context(), "lvs-system", "director", time.Hour)
	if err != nil {
		t.Fatal(err)
	}

	watcher, err := configMaps(t, cp.RESTConfig()).Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.Stop()

	began := time.Now()
	if err := cp.StopAPIServer(); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began).Round(100 * time.Millisecond)
	t.Logf("stopped after %s", took)
	if took > 10*time.Second {
		t.Error("an open watch held the stop up until SIGKILL")
	}
	if conn, err := net.Dial("tcp", endpoint); err == nil {
		_ = conn.Close()
		t.Fatal("something still listens at the stopped API server's address")
	}
	if err := cp.StopAPIServer(); err != nil {
		t.Fatalf("stopping what is stopped: %v", err)
	}

	began = time.Now()
	if err := cp.StartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("ready again after %s", time.Since(began).Round(100*time.Millisecond))
	if cp.Endpoint() != endpoint {
		t.Errorf("the API server came back at %s, it was at %s", cp.Endpoint(), endpoint)
	}
	if err := cp.StartAPIServer(t.Context()); err == nil {
		t.Error("a running API server was started again without an error")
	}

	cfg := rest.AnonymousClientConfig(cp.RESTConfig())
	cfg.BearerToken = token
	got, err := configMaps(t, cfg).Get(t.Context(), "edge", metav1.GetOptions{})
	if err != nil {
		t.Fatalf("read what was written before, with a token from before: %v", err)
	}
	if got.Data["address"] != "192.0.2.10" {
		t.Errorf("the ConfigMap came back as %v", got.Data)
	}
}

func TestServiceAccountThroughAProxyMayDoWhatItsRoleAllowsAndNoMore(t *testing.T) {
	cp := start(t)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	server := "https://" + proxy(t, cp.Endpoint())

	// The proxy's address stands in no certificate, so the name to verify must be given.
	if err := cp.ServiceAccountKubeconfig(t.Context(), path, server, "", "lvs-system", "director"); err != nil {
		t.Fatal(err)
	}
	if _, err := configMaps(t, load(t, path)).Get(t.Context(), "edge", metav1.GetOptions{}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without a server name the proxy's address must not verify, got %v", err)
	}
	if err := cp.ServiceAccountKubeconfig(t.Context(), path, server, "kubernetes", "lvs-system", "director"); err != nil {
		t.Fatal(err)
	}

	client := configMaps(t, load(t, path))
	if _, err := client.Get(t.Context(), "edge", metav1.GetOptions{}); err != nil {
		t.Errorf("read, which the role allows: %v", err)
	}
	_, err := client.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "other"}}, metav1.CreateOptions{})
	if !apierrors.IsForbidden(err) {
		t.Errorf("create, which no role allows, must be forbidden, got %v", err)
	}
	if _, err := client.List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("list, which no role allows, must be forbidden, got %v", err)
	}
	if err := cp.ServiceAccountKubeconfig(t.Context(), path, "", "", "lvs-system", "nobody"); !apierrors.IsNotFound(err) {
		t.Errorf("a token for a service account that does not exist: %v", err)
	}
}

func TestKubectlReportsTheServersAnswer(t *testing.T) {
	cp := start(t)
	out, err := cp.Kubectl(t.Context(), "get", "configmap", "edge", "-n", "lvs-system", "-o", "jsonpath={.data.address}")
	if err != nil || string(out) != "192.0.2.10" {
		t.Errorf("got %q and error %v", out, err)
	}
	_, err = cp.Kubectl(t.Context(), "get", "configmap", "absent", "-n", "lvs-system")
	if err == nil || !strings.Contains(err.Error(), `"absent" not found`) {
		t.Errorf("the error does not carry the server's answer: %v", err)
	}
	version, err := cp.Kubectl(t.Context(), "version")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(version), "Server Version: v1.37.") {
		t.Errorf("clients must be able to parse the version, got:\n%s", version)
	}
	t.Logf("peak memory: etcd %s, kube-apiserver %s", peakMemory(t, cp, "etcd"), peakMemory(t, cp, "kube-apiserver"))
}

func TestAnAPIServerThatCannotStartSaysWhy(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cp")
	_, err := controlplane.Start(t.Context(), controlplane.Options{Dir: dir, APIServerArgs: []string{"--no-such-flag"}})
	if err == nil || !strings.Contains(err.Error(), "unknown flag: --no-such-flag") {
		t.Fatalf("the error does not carry the log: %v", err)
	}
	left, err := os.ReadDir(filepath.Join(dir, "pids"))
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 0 {
		t.Errorf("a failed start left %v running", left)
	}
}

func TestADetachedControlPlaneEndsWithDown(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cp")
	cp, err := controlplane.Start(t.Context(), controlplane.Options{Dir: dir, Detach: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cp.Stop() }) // after a failure below; otherwise it finds both ended
	if err := controlplane.Down(dir); err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", cp.Endpoint()); err == nil {
		_ = conn.Close()
		t.Error("the API server survived Down")
	}
}

func TestACancelledStartLeavesNothingBehind(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cp")
	assets, err := controlplane.Assets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := controlplane.Start(ctx, controlplane.Options{AssetsDir: assets, Dir: dir}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	left, err := os.ReadDir(filepath.Join(dir, "pids"))
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 0 {
		t.Errorf("a cancelled start left %v running", left)
	}
}

func load(t *testing.T, kubeconfig string) *rest.Config {
	t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// proxy forwards TCP connections to target until the test ends, and returns its own host:port.
func proxy(t *testing.T, target string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return // closed at the end of the test
			}
			go forward(client, target)
		}
	}()
	return listener.Addr().String()
}

// forward copies in both directions until either side closes.
func forward(client net.Conn, target string) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return // the client sees its connection close
	}
	defer func() { _ = server.Close() }()
	ended := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		go func() {
			_, _ = io.Copy(way[0], way[1])
			ended <- struct{}{}
		}()
	}
	<-ended
}

// peakMemory is VmHWM of /proc/<pid>/status (proc_pid_status(5)).
func peakMemory(t *testing.T, cp *controlplane.ControlPlane, name string) string {
	t.Helper()
	pid, err := os.ReadFile(filepath.Join(cp.Dir(), "pids", name))
	if err != nil {
		t.Fatal(err)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%s/status", strings.TrimSpace(string(pid))))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
