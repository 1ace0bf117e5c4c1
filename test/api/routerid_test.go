// SPDX-License-Identifier: Apache-2.0

//go:build apiserver

package api

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// ringGroup is a director group of the nodes ring1 and ring2 without a router id, with a network of its own.
func ringGroup(name, network string, routers int32) *v1alpha1.DirectorGroup {
	group := &v1alpha1.DirectorGroup{ObjectMeta: metav1.ObjectMeta{Name: name}}
	group.Spec = v1alpha1.DirectorGroupSpec{
		NodeSelector: metav1.LabelSelector{MatchLabels: map[string]string{"ring": "yes"}},
		Interface:    "ring0",
		VRRP:         v1alpha1.VRRP{VirtualRouters: routers, AdvertisementInterval: metav1.Duration{Duration: time.Second}},
		AddressPools: []v1alpha1.AddressPool{{Name: "public", CIDRs: []v1alpha1.CIDR{v1alpha1.CIDR(network)}, NamespaceSelector: &metav1.LabelSelector{}}},
	}
	return group
}

// makeRing makes two nodes, and a namespace ring with services on 192.0.2.1 to 192.0.2.4 in the group ring.
func makeRing(t *testing.T, c client.Client) {
	t.Helper()
	makeNode(t, "ring1", "198.51.100.1", map[string]string{"ring": "yes"})
	makeNode(t, "ring2", "198.51.100.2", map[string]string{"ring": "yes"})
	create(t, c, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "ring"}})
	pool := &v1alpha1.RealServerPool{ObjectMeta: metav1.ObjectMeta{Namespace: "ring", Name: "blue"}}
	pool.Spec.Members = []v1alpha1.Member{{Address: "198.51.100.111"}}
	create(t, c, pool)
	create(t, c, ringGroup("ring", "192.0.2.0/28", 2))
	for i := 1; i <= 4; i++ {
		service := &v1alpha1.VirtualService{ObjectMeta: metav1.ObjectMeta{Namespace: "ring", Name: fmt.Sprint("shop-", i)}}
		service.Spec = v1alpha1.VirtualServiceSpec{
			DirectorGroup: "ring", Address: v1alpha1.IPAddress(fmt.Sprint("192.0.2.", i)), RealServerPool: "blue",
			Ports: []v1alpha1.ServicePort{{Name: "http", Port: 80}},
		}
		create(t, c, service)
	}
}

// routersOf is what a group's status and NodeStates say of its virtual routers: the ids by the status, then each node's.
func routersOf(ctx context.Context, c client.Client, name string) string {
	group := &v1alpha1.DirectorGroup{}
	if err := c.Get(ctx, client.ObjectKey{Name: name}, group); err != nil {
		return err.Error()
	}
	var states v1alpha1.NodeStateList
	if err := c.List(ctx, &states); err != nil {
		return err.Error()
	}
	var b strings.Builder
	fmt.Fprint(&b, group.Status.VirtualRouterIDs)
	for _, state := range states.Items {
		for _, part := range state.Spec.DirectorGroups {
			if part.Name != name {
				continue
			}
			fmt.Fprintf(&b, "; %s", state.Name)
			for _, r := range part.VirtualRouters {
				fmt.Fprintf(&b, " %d:%d", r.VirtualRouterID, len(r.Addresses))
			}
		}
	}
	return b.String()
}

// hasRouters waits until [routersOf] the group is want.
func hasRouters(t *testing.T, c client.Client, name, want string) {
	t.Helper()
	last := ""
	eventually(t, "the virtual routers of "+name, func(ctx context.Context) (bool, string) {
		if got := routersOf(ctx, c, name); ctx.Err() == nil {
			last = got
		}
		return last == want, fmt.Sprintf("%s, want %s", last, want)
	})
}

func patchGroup(t *testing.T, name, patch string) {
	t.Helper()
	kubectl(t, "patch", "dg", name, "--type=merge", "-p="+patch)
}

// preferences are the priorities of a group's virtual routers, by node.
func preferences(t *testing.T, c client.Client, name string) map[string][]int32 {
	t.Helper()
	all := map[string][]int32{}
	for _, node := range []string{"ring1", "ring2"} {
		state := &v1alpha1.NodeState{}
		if err := c.Get(t.Context(), client.ObjectKey{Name: node}, state); err != nil {
			t.Fatal(err)
		}
		for _, part := range state.Spec.DirectorGroups {
			if part.Name != name {
				continue
			}
			for _, r := range part.VirtualRouters {
				all[node] = append(all[node], r.Priority)
			}
		}
	}
	return all
}

// TestRouterIDsAreAllocatedAndStay is one story: its parts build on each other.
func TestRouterIDsAreAllocatedAndStay(t *testing.T) {
	// A manager outlives the part that starts it.
	whole, c := t, admin(t)
	stop := startManager(whole)
	makeRing(t, c)

	t.Run("a group without one is given the lowest", func(t *testing.T) {
		hasRouters(t, c, "ring", "[1 2]; ring1 1:2 2:2; ring2 1:2 2:2")
		got := strings.Join(strings.Fields(kubectl(t, "get", "dg", "ring", "--no-headers")), " ")
		if !strings.HasPrefix(got, "ring ring0 1 ") {
			t.Errorf("kubectl get dg says %q", got)
		}
		first := preferences(t, c, "ring")
		if one, two := first["ring1"], first["ring2"]; (one[0] > two[0]) == (one[1] > two[1]) {
			t.Errorf("both virtual routers prefer the same director: %v", first)
		}
	})

	t.Run("one that the user gives wins, and stays when it is given no more", func(t *testing.T) {
		patchGroup(t, "ring", `{"spec": {"vrrp": {"virtualRouterID": 9}}}`)
		hasRouters(t, c, "ring", "[9 2]; ring1 9:2 2:2; ring2 9:2 2:2")
		patchGroup(t, "ring", `{"spec": {"vrrp": {"virtualRouterID": null}}}`)
		settled(t, c)
		hasRouters(t, c, "ring", "[9 2]; ring1 9:2 2:2; ring2 9:2 2:2")
	})

	t.Run("a new manager, and a new group, leave it", func(t *testing.T) {
		before := preferences(t, c, "ring")
		stop()
		create(t, c, ringGroup("plain", "192.0.2.16/28", 0))
		stop = startManager(whole)
		hasRouters(t, c, "plain", "[1]; ring1 1:0; ring2 1:0")
		hasRouters(t, c, "ring", "[9 2]; ring1 9:2 2:2; ring2 9:2 2:2")
		if after := preferences(t, c, "ring"); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("priorities %v became %v", before, after)
		}
	})

	t.Run("a status that was lost is made again from NodeStates", func(t *testing.T) {
		settled(t, c)
		stop()
		before := versions(t, c)
		kubectl(t, "patch", "dg", "ring", "--subresource=status", "--type=merge", `-p={"status": {"virtualRouterIDs": null}}`)
		startManager(whole)
		hasRouters(t, c, "ring", "[9 2]; ring1 9:2 2:2; ring2 9:2 2:2")
		settled(t, c)
		sameVersions(t, before, versions(t, c))
	})

	t.Run("the ids change their order and nothing is written for ever", func(t *testing.T) {
		patchGroup(t, "ring", `{"spec": {"vrrp": {"virtualRouterID": 2}}}`)
		hasRouters(t, c, "ring", "[2 3]; ring1 2:2 3:2; ring2 2:2 3:2")
		settled(t, c)
	})

	t.Run("a virtual router more", func(t *testing.T) {
		patchGroup(t, "ring", `{"spec": {"vrrp": {"virtualRouters": 3}}}`)
		hasRouters(t, c, "ring", "[2 3 4]; ring1 2:1 3:2 4:1; ring2 2:1 3:2 4:1")
		settled(t, c)
	})

	t.Run("a younger group that is given an allocated one is told what to do", func(t *testing.T) {
		patchGroup(t, "plain", `{"spec": {"vrrp": {"virtualRouterID": 3}}}`)
		eventually(t, "plain is refused", func(ctx context.Context) (bool, string) {
			group := &v1alpha1.DirectorGroup{}
			if err := c.Get(ctx, client.ObjectKey{Name: "plain"}, group); err != nil {
				return false, err.Error()
			}
			condition := meta.FindStatusCondition(group.Status.Conditions, v1alpha1.ConditionAccepted)
			if condition == nil {
				return false, "no condition"
			}
			const want = "virtual router id 3 on interface ring0 of node ring1 belongs to DirectorGroup ring, which is older; choose another virtualRouterID"
			return condition.Reason == v1alpha1.ReasonConflict && condition.Message == want, condition.Message
		})
		hasRouters(t, c, "ring", "[2 3 4]; ring1 2:1 3:2 4:1; ring2 2:1 3:2 4:1")
	})

	t.Run("the sample's directors are each Active for one of its virtual IPs", func(t *testing.T) {
		kubectl(t, "label", "node", "ring1", "ring2", "lvs-operator.io/both=true")
		kubectl(t, "apply", "-f", root+"/config/samples/active-active/")
		hasRouters(t, c, "both", "[1 2]; ring1 1:1 2:1; ring2 1:1 2:1")
		got := preferences(t, c, "both")
		if one, two := got["ring1"], got["ring2"]; (one[0] > two[0]) == (one[1] > two[1]) {
			t.Errorf("both virtual routers prefer the same director: %v", got)
		}
	})

	kubectl(t, "delete", "dg", "ring", "plain", "both")
	kubectl(t, "delete", "node", "ring1", "ring2")
	eventually(t, "the NodeStates are gone", func(context.Context) (bool, string) {
		got := kubectl(t, "get", "lvsns", "-o", "name")
		return !strings.Contains(got, "ring"), got
	})
	settled(t, c)
}
