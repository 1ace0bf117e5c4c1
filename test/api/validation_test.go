// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package api

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// The objects that the tables change in one place. Each is valid as it stands.
const (
	groupYAML = `
apiVersion: lvs-operator.io/v1alpha1
kind: DirectorGroup
metadata: {name: valid}
spec:
  nodeSelector: {matchLabels: {director: "true"}}
  interface: eth0
  vrrp:
    virtualRouterID: 66
    priorities: [{node: d1, priority: 101}]
  addressPools: [{name: public, cidrs: [192.0.2.0/24], namespaceSelector: {}}]
`
	poolYAML = `
apiVersion: lvs-operator.io/v1alpha1
kind: RealServerPool
metadata: {name: valid, namespace: default}
spec:
  members: [{address: 192.0.2.111}]
  healthCheck: {tcp: {}}
`
	serviceYAML = `
apiVersion: lvs-operator.io/v1alpha1
kind: VirtualService
metadata: {name: valid, namespace: default}
spec:
  directorGroup: edge
  address: 192.0.2.10
  ports: [{name: http, port: 80}]
  realServerPool: valid
`
)

// try asks the API server whether it would take the object with one text replaced, and returns what it would store.
func try(t *testing.T, object, old, replacement string) (*unstructured.Unstructured, error) {
	t.Helper()
	if !strings.Contains(object, old) {
		t.Fatalf("%q is not in the object", old)
	}
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(strings.Replace(object, old, replacement, 1)), &u.Object); err != nil {
		t.Fatal(err)
	}
	return u, admin(t).Create(t.Context(), u, client.DryRunAll, client.FieldValidation(metav1.FieldValidationStrict))
}

func TestWrongObjectsAreRefusedWithAMessage(t *testing.T) {
	ensureDefaultNamespace(t)
	long := strings.Repeat("x", 64)
	for _, wrong := range []struct {
		name, object, old, replacement, message string
	}{
		{"an address that is none", serviceYAML, "192.0.2.10", "192.0.2.300", "must be an IPv4 address, for example 192.0.2.10"},
		{"an IPv6 address", serviceYAML, "192.0.2.10", `"2001:db8::1"`, "must be an IPv4 address, for example 192.0.2.10"},
		{"an address with a prefix length", serviceYAML, "192.0.2.10", "192.0.2.10/32", "must be an IPv4 address, for example 192.0.2.10"},
		{"an address with a leading zero", serviceYAML, "192.0.2.10", "192.0.2.010", "must be an IPv4 address, for example 192.0.2.10"},
		{"port 0", serviceYAML, "port: 80", "port: 0", "spec.ports[0].port in body should be greater than or equal to 1"},
		{"port 65536", serviceYAML, "port: 80", "port: 65536", "spec.ports[0].port in body should be less than or equal to 65535"},
		{"no port", serviceYAML, "[{name: http, port: 80}]", "[]", "spec.ports in body should have at least 1 items"},
		{"a port without a name", serviceYAML, "name: http, ", "", "spec.ports[0].name: Required value"},
		{"a port name in capitals", serviceYAML, "name: http", "name: HTTP", "spec.ports[0].name in body should match"},
		{"one port twice", serviceYAML, "{name: http, port: 80}", "{name: a, port: 80}, {name: b, port: 80}", "no two ports may have the same number and protocol"},
		{"one port name twice", serviceYAML, "{name: http, port: 80}", "{name: a, port: 80}, {name: a, port: 81}", `Duplicate value: {"name":"a"}`},
		{"an unknown protocol", serviceYAML, "port: 80", "port: 80, protocol: ICMP", `Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"`},
		{"an unknown scheduler", serviceYAML, "address:", "scheduler: fastest\n  address:", `spec.scheduler: Unsupported value: "fastest": supported values: "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh"`},
		{"an unknown forwarding method", serviceYAML, "address:", "forwardingMethod: DR\n  address:", `Unsupported value: "DR": supported values: "DirectRouting", "Tunnel", "NAT"`},
		{"persistence of 0", serviceYAML, "address:", "persistence: {timeout: 0s}\n  address:", "timeout must be a whole number of seconds between 1s and 744h; leave persistence out to have none"},
		{"persistence of half a second", serviceYAML, "address:", "persistence: {timeout: 1500ms}\n  address:", "timeout must be a whole number of seconds between 1s and 744h; leave persistence out to have none"},
		{"persistence of 32 days", serviceYAML, "address:", "persistence: {timeout: 768h}\n  address:", "timeout must be a whole number of seconds between 1s and 744h; leave persistence out to have none"},
		{"no director group", serviceYAML, "directorGroup: edge", "", "spec.directorGroup: Required value"},
		{"no pool", serviceYAML, "realServerPool: valid", "", "spec.realServerPool: Required value"},
		{"a misspelt field", serviceYAML, "address:", "sheduler: rr\n  address:", `unknown field "spec.sheduler"`},

		{"a negative weight", poolYAML, "192.0.2.111", "192.0.2.111, weight: -1", "spec.members[0].weight in body should be greater than or equal to 0"},
		{"a weight over 65535", poolYAML, "192.0.2.111", "192.0.2.111, weight: 65536", "spec.members[0].weight in body should be less than or equal to 65535"},
		{"a member's port 0", poolYAML, "192.0.2.111", "192.0.2.111, port: 0", "spec.members[0].port in body should be greater than or equal to 1"},
		{"a member that is a name", poolYAML, "192.0.2.111", "tomcat-1", "must be an IPv4 address, for example 192.0.2.10"},
		{"one member twice", poolYAML, "{address: 192.0.2.111}", "{address: 192.0.2.111}, {address: 192.0.2.111}", `Duplicate value: {"address":"192.0.2.111"}`},
		{"a health check of nothing", poolYAML, "{tcp: {}}", "{interval: 1s}", "spec.healthCheck.tcp: Required value"},
		{"an interval without a unit", poolYAML, "{tcp: {}}", `{tcp: {}, interval: "5"}`, "interval"},
		{"an interval that is too short", poolYAML, "{tcp: {}}", "{tcp: {}, interval: 99ms}", "interval must lie between 100ms and 24h"},
		{"an interval that is too long", poolYAML, "{tcp: {}}", "{tcp: {}, interval: 25h}", "interval must lie between 100ms and 24h"},
		{"a timeout of 0", poolYAML, "{tcp: {}}", "{tcp: {}, timeout: 0s}", "timeout must lie between 10ms and 5m"},
		{"a negative retry delay", poolYAML, "{tcp: {}}", "{tcp: {}, retryDelay: -1s}", "retryDelay must lie between 0s and 1h"},
		{"101 retries", poolYAML, "{tcp: {}}", "{tcp: {}, retries: 101}", "spec.healthCheck.retries in body should be less than or equal to 100"},
		{"an unknown set-up", poolYAML, "members:", "setup: Maybe\n  members:", `Unsupported value: "Maybe": supported values: "Automatic", "Manual"`},

		{"router id 0", groupYAML, "virtualRouterID: 66", "virtualRouterID: 0", "spec.vrrp.virtualRouterID in body should be greater than or equal to 1"},
		{"router id 256", groupYAML, "virtualRouterID: 66", "virtualRouterID: 256", "spec.vrrp.virtualRouterID in body should be less than or equal to 255"},
		{"version 1", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    version: 1", `spec.vrrp.version: Unsupported value: 1: supported values: "2", "3"`},
		{"priority 255", groupYAML, "priority: 101", "priority: 255", "spec.vrrp.priorities[0].priority in body should be less than or equal to 254"},
		{"priority 0", groupYAML, "priority: 101", "priority: 0", "spec.vrrp.priorities[0].priority in body should be greater than or equal to 1"},
		{"two priorities of one node", groupYAML, "{node: d1, priority: 101}", "{node: d1, priority: 101}, {node: d1, priority: 102}", `Duplicate value: {"node":"d1"}`},
		{"half seconds in version 2", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    version: 2\n    advertisementInterval: 1500ms", "advertisementInterval must be a whole number of seconds with version 2; use version: 3 for shorter intervals"},
		{"10 ms in version 2", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    version: 2\n    advertisementInterval: 10ms", "advertisementInterval must be at least 1s with version 2; use version: 3 for shorter intervals"},
		{"41 s in version 3", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    advertisementInterval: 41s", "advertisementInterval must be at most 40.95s with version 3"},
		{"1 ms", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    advertisementInterval: 1ms", "advertisementInterval must lie between 10ms and 255s"},
		{"a password in version 3", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    authentication: {type: Password, secretRef: {name: s}}", "authentication exists in version 2 only (RFC 2338); RFC 9568 removed it from version 3"},
		{"authentication by AH", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    version: 2\n    authentication: {type: AH, secretRef: {name: s}}", `Unsupported value: "AH": supported values: "Password"`},
		{"no interface", groupYAML, "interface: eth0", `interface: ""`, "spec.interface in body should be at least 1 chars long"},
		{"an interface of 16 characters", groupYAML, "interface: eth0", "interface: abcdefghijklmnop", "may not be more than 15"},
		{"an interface with a slash", groupYAML, "interface: eth0", "interface: eth/0", "spec.interface in body should match"},
		{"no address pool", groupYAML, "[{name: public, cidrs: [192.0.2.0/24], namespaceSelector: {}}]", "[]", "spec.addressPools in body should have at least 1 items"},
		{"host bits in a network", groupYAML, "192.0.2.0/24", "192.0.2.1/24", "must be an IPv4 network in CIDR notation with its host bits zero, for example 192.0.2.0/24"},
		{"a network without a length", groupYAML, "192.0.2.0/24", "192.0.2.0", "must be an IPv4 network in CIDR notation with its host bits zero, for example 192.0.2.0/24"},
		{"an IPv6 network of length 0", groupYAML, "192.0.2.0/24", `"::/0"`, "must be an IPv4 network in CIDR notation with its host bits zero, for example 192.0.2.0/24"},
		{"a network twice", groupYAML, "192.0.2.0/24", "192.0.2.0/24, 192.0.2.0/24", `Duplicate value: "192.0.2.0/24"`},
		{"a name of 64 characters", groupYAML, "name: valid", "name: " + long, "the name of a DirectorGroup has at most 63 characters: it is the value of a label on its slices"},
	} {
		t.Run(wrong.name, func(t *testing.T) {
			_, err := try(t, wrong.object, wrong.old, wrong.replacement)
			if err == nil || !strings.Contains(err.Error(), wrong.message) {
				t.Errorf("answer: %v\nwant: %s", err, wrong.message)
			}
		})
	}
}

func TestRightObjectsAreTaken(t *testing.T) {
	ensureDefaultNamespace(t)
	for _, right := range []struct {
		name, object, old, replacement string
	}{
		{"the group", groupYAML, "eth0", "eth0"},
		{"the pool", poolYAML, "valid", "valid"},
		{"the service", serviceYAML, "valid", "valid"},
		{"all of IPv4", groupYAML, "192.0.2.0/24", "0.0.0.0/0"},
		{"the fastest VRRP", groupYAML, "virtualRouterID: 66", "virtualRouterID: 255\n    advertisementInterval: 10ms"},
		{"the slowest VRRP", groupYAML, "virtualRouterID: 66", "virtualRouterID: 1\n    version: 2\n    advertisementInterval: 255s"},
		{"the slowest VRRP of version 3", groupYAML, "virtualRouterID: 66", "virtualRouterID: 1\n    advertisementInterval: 40950ms"},
		{"a password in version 2", groupYAML, "virtualRouterID: 66", "virtualRouterID: 66\n    version: 2\n    authentication: {type: Password, secretRef: {name: s}}"},
		{"one port over TCP and UDP", serviceYAML, "{name: http, port: 80}", "{name: a, port: 80}, {name: b, port: 80, protocol: UDP}"},
		{"the longest persistence", serviceYAML, "address:", "persistence: {timeout: 744h}\n  address:"},
		{"a pool without members", poolYAML, "[{address: 192.0.2.111}]", "[]"},
		{"a member that takes no new connections", poolYAML, "192.0.2.111", "192.0.2.111, weight: 0"},
		{"a retry at once", poolYAML, "{tcp: {}}", "{tcp: {}, retryDelay: 0s, retries: 0}"},
	} {
		t.Run(right.name, func(t *testing.T) {
			if _, err := try(t, right.object, right.old, right.replacement); err != nil {
				t.Error(err)
			}
		})
	}
	for _, scheduler := range []string{"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh"} {
		for _, method := range []string{"DirectRouting", "Tunnel", "NAT"} {
			fields := fmt.Sprintf("scheduler: %s\n  forwardingMethod: %s\n  address:", scheduler, method)
			if _, err := try(t, serviceYAML, "address:", fields); err != nil {
				t.Errorf("%s by %s: %v", scheduler, method, err)
			}
		}
	}
}

func TestDefaultsAreAsExplained(t *testing.T) {
	ensureDefaultNamespace(t)
	for _, tt := range []struct {
		object string
		want   map[string]any
	}{
		{groupYAML, map[string]any{
			"spec.vrrp.version": int64(3), "spec.vrrp.advertisementInterval": "1s", "spec.vrrp.defaultPriority": int64(100), "spec.vrrp.preempt": true,
		}},
		{strings.Replace(poolYAML, "[{address: 192.0.2.111}]", "[]", 1), map[string]any{
			"spec.setup": "Automatic", "spec.healthCheck.interval": "5s", "spec.healthCheck.timeout": "3s", "spec.healthCheck.retries": int64(2), "spec.healthCheck.retryDelay": "1s",
		}},
		{strings.Replace(serviceYAML, "address:", "persistence: {}\n  address:", 1), map[string]any{
			"spec.scheduler": "wlc", "spec.forwardingMethod": "DirectRouting", "spec.persistence.timeout": "5m",
		}},
	} {
		stored, err := try(t, tt.object, "valid", "valid")
		if err != nil {
			t.Fatal(err)
		}
		for path, want := range tt.want {
			if got, _, _ := unstructured.NestedFieldNoCopy(stored.Object, strings.Split(path, ".")...); got != want {
				t.Errorf("%s of %s is %v, want %v", path, stored.GetKind(), got, want)
			}
		}
	}
	stored, err := try(t, poolYAML, "valid", "valid")
	if err != nil {
		t.Fatal(err)
	}
	members, _, _ := unstructured.NestedSlice(stored.Object, "spec", "members")
	if weight := members[0].(map[string]any)["weight"]; weight != int64(1) {
		t.Errorf("a member's weight is %v, want 1", weight)
	}
}

// ensureDefaultNamespace makes the namespace default, in case the API server has not done so yet.
func ensureDefaultNamespace(t *testing.T) {
	t.Helper()
	err := admin(t).Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "default"}})
	if err != nil && !strings.Contains(err.Error(), "already exists") {
		t.Fatal(err)
	}
}
