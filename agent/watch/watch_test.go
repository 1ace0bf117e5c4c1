// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package watch_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/watch"
	"github.com/lvs-operator/lvs-operator/test/controlplane"
)

const nodeState = `
apiVersion: lvs-operator.io/v1alpha1
kind: NodeState
metadata: {name: master}
spec:
  directorGroups:
  - name: edge
    addressPools: [192.0.2.0/24]
    virtualRouters:
    - {virtualRouterID: 66, interface: eth0, version: 2, priority: 100, advertisementInterval: 1s, preempt: true,
       authentication: {type: Password, secretRef: {name: edge-vrrp}}, addresses: [192.0.2.10]}
`

const slices = `
apiVersion: lvs-operator.io/v1alpha1
kind: RealServerSlice
metadata: {name: edge-rs}
spec: {directorGroup: edge, pool: {namespace: web, name: tomcat}, realServers: [{address: 192.0.2.111, weight: 3}]}
---
apiVersion: lvs-operator.io/v1alpha1
kind: RealServerSlice
metadata: {name: other-rs}
spec: {directorGroup: other, pool: {namespace: web, name: tomcat}, realServers: [{address: 192.0.2.111, weight: 3}]}
`

const secret = `
apiVersion: v1
kind: Secret
metadata: {name: edge-vrrp, namespace: lvs-operator-system}
stringData: {password: hunter2}
`

// node is a watcher with an agent's rights.
type node struct {
	t       *testing.T
	cp      *controlplane.ControlPlane
	watcher *watch.Watcher
	changed chan struct{}
}

func newNode(t *testing.T) *node {
	t.Helper()
	cp, err := controlplane.Start(t.Context(), controlplane.Options{Dir: t.TempDir() + "/controlplane"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cp.Stop(); err != nil {
			t.Error(err)
		}
	})
	n := &node{t: t, cp: cp, changed: make(chan struct{}, 1)}
	n.kubectl("", "apply", "--server-side", "-k", "../../config/default")
	n.kubectl("", "wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
	config := cp.RESTConfig()
	config.CertData, config.KeyData = nil, nil
	config.BearerToken, err = cp.ServiceAccountToken(t.Context(), "lvs-operator-system", "lvs-operator-agent", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	clients, err := watch.NewClients(config)
	if err != nil {
		t.Fatal(err)
	}
	n.watcher = watch.New(clients, "master", "lvs-operator-system", func() {
		select {
		case n.changed <- struct{}{}:
		default:
		}
	})
	return n
}

func (n *node) kubectl(input string, args ...string) {
	n.t.Helper()
	if _, err := n.cp.KubectlInput(n.t.Context(), strings.NewReader(input), args...); err != nil {
		n.t.Fatal(err)
	}
}

// await waits for a complete view of which something holds.
func (n *node) await(what string, holds func(watch.View) bool) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), 30*time.Second)
	defer cancel()
	for {
		if view, complete := n.watcher.View(n.t.Context()); complete && holds(view) {
			return
		}
		select {
		case <-n.changed:
		case <-ctx.Done():
			n.t.Fatalf("%s: not seen within 30 s", what)
		}
	}
}

func TestANodeSeesItsOwnAndNothingOfOthers(t *testing.T) {
	n := newNode(t)
	n.watcher.Start(t.Context())
	n.kubectl(slices, "apply", "-f", "-")
	if _, complete := n.watcher.View(t.Context()); complete {
		t.Error("the view is complete without a NodeState")
	}

	n.kubectl(nodeState, "apply", "-f", "-")
	n.await("the group's slices, and no others", func(v watch.View) bool {
		return v.Node.Spec.DirectorGroups[0].Name == "edge" && len(v.RealServers) == 1 && v.RealServers[0].Name == "edge-rs"
	})
	n.await("no password while the Secret is missing", func(v watch.View) bool { return len(v.Passwords) == 0 })

	n.kubectl(secret, "apply", "-f", "-")
	n.await("the password", func(v watch.View) bool { return v.Passwords["edge-vrrp"] == "hunter2" })
	n.kubectl("", "delete", "secret", "-n", "lvs-operator-system", "edge-vrrp")
	n.await("that the Secret is gone", func(v watch.View) bool { return len(v.Passwords) == 0 })

	version := n.watcher.Version()
	n.kubectl("", "delete", "nodestate", "master")
	for n.watcher.Version() == version {
		<-n.changed
	}
	if _, complete := n.watcher.View(t.Context()); complete {
		t.Error("a NodeState that is gone says something")
	}
}
