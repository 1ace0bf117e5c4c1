// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// routersOnly is a group that has this many virtual routers on eth0, created in this second.
func routersOnly(second, routers int) *v1alpha1.DirectorGroup {
	return &v1alpha1.DirectorGroup{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("group-", second), CreationTimestamp: metav1.Unix(int64(second), 0)},
		Spec: v1alpha1.DirectorGroupSpec{
			Interface: "eth0", VRRP: v1alpha1.VRRP{VirtualRouters: int32(routers)},
		},
	}
}

func TestTheGroupForWhichNoRouterIDIsLeftIsRefusedAndTold(t *testing.T) {
	s := Snapshot{Group: "group-16", Nodes: []Node{{Name: "d1"}}}
	for i := range 16 {
		s.Groups = append(s.Groups, routersOnly(i, 16))
	}
	s.Groups = append(s.Groups, routersOnly(16, 1))
	r := Compile(s)
	if len(r.Group.Findings) != 1 || r.Nodes != nil {
		t.Fatalf("found %v, and parts for %d nodes", r.Group.Findings, len(r.Nodes))
	}
	found := r.Group.Findings[0]
	if found.Condition != v1alpha1.ConditionAccepted || found.Reason != v1alpha1.ReasonNoFreeRouterID ||
		!strings.HasPrefix(found.Message, "virtual router 1 of 1 gets no id: ") {
		t.Errorf("found %+v", found)
	}
	if s.Group = "group-0"; !Compile(s).Group.OK() {
		t.Error("a group that has its ids is refused too")
	}
	s.Groups = s.Groups[1:]
	if s.Group = "group-16"; !Compile(s).Group.OK() {
		t.Error("when a group is gone there are ids again")
	}
}

func TestAnyOfSeveralRouterIDsMayConflict(t *testing.T) {
	older, younger := routersOnly(1, 3), routersOnly(2, 3)
	older.Status.VirtualRouterIDs, younger.Status.VirtualRouterIDs = []int32{1, 2, 3}, []int32{4, 5, 3}
	s := Snapshot{Groups: []*v1alpha1.DirectorGroup{younger, older}, Nodes: []Node{{Name: "d1"}}, Group: younger.Name}
	r := Compile(s)
	if r.Group.OK() || !strings.HasPrefix(r.Group.Findings[0].Message, "virtual router id 3 on interface eth0 of node d1 belongs to DirectorGroup group-1") {
		t.Errorf("found %v", r.Group.Findings)
	}
	if s.Group = older.Name; !Compile(s).Group.OK() {
		t.Error("the older group is refused")
	}
}
