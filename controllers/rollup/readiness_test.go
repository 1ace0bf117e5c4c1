// SPDX-License-Identifier: Apache-2.0

package rollup

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

func TestAReadyServiceStaysReadyWhileItsActiveDirectorRunsAnOlderForm(t *testing.T) {
	s := served()
	s.service.Status = s.serviceStatus()
	was := *meta.FindStatusCondition(s.service.Status.Conditions, v1alpha1.ConditionReady)
	s.generations["edge-blue-0"] = 8 // a weight

	status := s.serviceStatus()
	if got := told(status.Conditions); got != "Programmed=False Pending" {
		t.Errorf("conditions %q", got)
	}
	if diff := cmp.Diff(was, *meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)); diff != "" {
		t.Errorf("Ready changed:\n%s", diff)
	}

	for tells, story := range map[string]struct {
		change     func(*scene)
		conditions string
	}{
		"not if it has nothing of the service": {
			func(s *scene) { s.edge("d1").Applied = nil }, "Programmed=False Pending, Ready=False Pending",
		},
		"not if it sees no healthy real server": {
			func(s *scene) {
				s.edge("d1").Degraded = []v1alpha1.DegradedService{{Service: "web/shop/http", RealServers: 2}}
			},
			"Programmed=False Pending, Ready=False NoHealthyRealServer",
		},
		"not if it is no longer Active": {
			func(s *scene) { s.vrrp("d1", v1alpha1.VRRPBackup, noon) }, "Programmed=False Pending, Ready=False NoActive",
		},
	} {
		t.Run(tells, func(t *testing.T) {
			s := served()
			s.service.Status = s.serviceStatus()
			s.generations["edge-blue-0"] = 8
			story.change(s)
			if got := told(s.serviceStatus().Conditions); got != story.conditions {
				t.Errorf("conditions %q, want %q", got, story.conditions)
			}
		})
	}
}

func TestAConditionThatIsTrueSaysWhatIsTrue(t *testing.T) {
	s := served()
	s.edge("d1").Degraded = []v1alpha1.DegradedService{{Service: "web/shop/https", RealServers: 2, Healthy: 1}}
	s.service.Spec.RealServerPool = "blue"
	s.group.Spec.Interface, s.group.Spec.VRRP.VirtualRouterID = "eth0", 66
	pool := &v1alpha1.RealServerPool{}
	pool.Spec.Members = []v1alpha1.Member{{Address: "192.0.2.111"}, {Address: "192.0.2.112"}}

	got := map[string]string{}
	for _, c := range s.serviceStatus().Conditions {
		got["service "+c.Type] = c.Message
	}
	for _, c := range s.groupStatus().Conditions {
		got["group "+c.Type] = c.Message
	}
	for _, c := range RealServerPool(pool, 1, later).Conditions {
		got["pool "+c.Type] = c.Message
	}
	want := map[string]string{
		"service Accepted":     "192.0.2.10 and its ports are this service's in DirectorGroup edge",
		"service ResolvedRefs": "DirectorGroup edge and RealServerPool blue exist",
		"service Programmed":   "all 2 directors run generation 3",
		"service Ready":        "d1 is Active with 1 of 2 real servers healthy",
		"group Accepted":       "virtual router id 66 on eth0 is this group's on its 2 directors",
		"group ResolvedRefs":   "the group names no Secret",
		"group Exclusive":      "no director hears anybody else advertise with virtual router id 66",
		"group Programmed":     "all 2 directors run virtual router id 66",
		"group Ready":          "d1 is Active",
		"pool Accepted":        "2 real servers for 1 virtual service",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestAServiceWhosePoolIsEmptyIsNotReady(t *testing.T) {
	needs := Needs{RealServers: 0}
	against := (&Director{Name: "d1"}).unhealthy(&v1alpha1.VirtualService{}, needs)
	if against.reason != v1alpha1.ReasonNoHealthyRealServer {
		t.Errorf("reason %q, want %q: nobody serves", against.reason, v1alpha1.ReasonNoHealthyRealServer)
	}
}
