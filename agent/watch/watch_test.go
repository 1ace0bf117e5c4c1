// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package watch_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/watch"
	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
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
	// realServers are the slices that it was told of.
	realServers map[string]*v1alpha1.RealServerSlice
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
	n := &node{t: t, cp: cp, changed: make(chan struct{}, 1), realServers: map[string]*v1alpha1.RealServerSlice{}}
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

// await waits until something holds of what the API server has said so far: the newest node, and all slices.
func (n *node) await(what string, holds func(watch.Changes) bool) {
	n.t.Helper()
	n.awaitAnswer(what, func(changes watch.Changes, complete bool) bool { return complete && holds(n.add(changes)) })
}

// awaitAnswer waits until what the watcher answers holds.
func (n *node) awaitAnswer(what string, holds func(changes watch.Changes, complete bool) bool) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), 30*time.Second)
	defer cancel()
	for {
		if holds(n.watcher.Changes(n.t.Context())) {
			return
		}
		select {
		case <-n.changed:
		case <-ctx.Done():
			n.t.Fatalf("%s: not seen within 30 s", what)
		}
	}
}

// add plays changes on what was told before.
func (n *node) add(changes watch.Changes) watch.Changes {
	for name, slice := range changes.RealServers {
		if slice == nil {
			delete(n.realServers, name)
		} else {
			n.realServers[name] = slice
		}
	}
	changes.RealServers = n.realServers
	return changes
}

func TestANodeSeesItsOwnAndNothingOfOthers(t *testing.T) {
	n := newNode(t)
	n.watcher.Start(t.Context())
	n.kubectl(slices, "apply", "-f", "-")
	if _, complete := n.watcher.Changes(t.Context()); complete {
		t.Error("the word is complete without a NodeState")
	}

	n.kubectl(nodeState, "apply", "-f", "-")
	n.await("the group's slices, and no others", func(c watch.Changes) bool {
		return c.Node.Spec.DirectorGroups[0].Name == "edge" && len(c.RealServers) == 1 && c.RealServers["edge-rs"] != nil
	})
	n.await("no password while the Secret is missing", func(c watch.Changes) bool { return len(c.Passwords) == 0 })

	n.kubectl("", "patch", "realserverslice", "edge-rs", "--type=json", "-p", `[{"op": "replace", "path": "/spec/realServers/0/weight", "value": 7}]`)
	n.await("the new weight", func(c watch.Changes) bool { return c.RealServers["edge-rs"].Spec.RealServers[0].Weight == 7 })
	n.kubectl("", "delete", "realserverslice", "edge-rs")
	n.await("that the slice is gone", func(c watch.Changes) bool { return len(c.RealServers) == 0 })

	n.kubectl(secret, "apply", "-f", "-")
	n.await("the password", func(c watch.Changes) bool { return c.Passwords["edge-vrrp"] == "hunter2" })
	n.kubectl("", "delete", "secret", "-n", "lvs-operator-system", "edge-vrrp")
	n.await("that the Secret is gone", func(c watch.Changes) bool { return len(c.Passwords) == 0 })

	n.kubectl("", "delete", "nodestate", "master")
	n.awaitAnswer("that the NodeState is gone", func(_ watch.Changes, complete bool) bool { return !complete })
}
