// SPDX-License-Identifier: Apache-2.0

package rollup

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
	"github.com/lvs-operator/lvs-operator/controllers/compile"
)

// shared is the scene in which the group has two virtual routers: d1 is Active for 66 with 192.0.2.10, d2 for 67 with 192.0.2.20.
func shared() *scene {
	s := served()
	for _, name := range s.result.Directors {
		given := &s.states[name].Spec.DirectorGroups[0]
		given.VirtualRouters = append(given.VirtualRouters, v1alpha1.VirtualRouter{VirtualRouterID: 67, Priority: 100, Addresses: []v1alpha1.IPAddress{"192.0.2.20"}})
		reported := s.edge(name)
		second := reported.VirtualRouters[0]
		second.VirtualRouterID, second.State, second.Since = 67, v1alpha1.VRRPBackup, noon
		reported.VirtualRouters = append(reported.VirtualRouters, second)
	}
	s.edge("d2").VirtualRouters[1].State = v1alpha1.VRRPActive
	return s
}

// at moves the scene's service to an address.
func (s *scene) at(address v1alpha1.IPAddress) {
	s.service.Spec.Address = address
	s.result.Services[key] = compile.Verdict{Generation: 3, Addresses: []v1alpha1.IPAddress{address}}
}

func TestEachVirtualRouterHasAnElectionOfItsOwn(t *testing.T) {
	for _, story := range []struct {
		tells             string
		change            func(*scene)
		group             string // who is Active in the group
		elections         [2]string
		conditions        string // of the group
		says              string // by the group's Ready
		service, services string // who is Active for the service at 192.0.2.20, and its conditions
	}{
		{
			tells: "two directors that are Active, each for another one, are no split brain",
			group: "d1,d2", elections: [2]string{"d1", "d2"},
			says: "d1 is Active for virtual router 66; d2 is Active for virtual router 67", service: "d2",
		},
		{
			tells:  "one that is Active for all",
			change: func(s *scene) { s.state("d1", 1, v1alpha1.VRRPActive); s.state("d2", 1, v1alpha1.VRRPBackup) },
			group:  "d1", elections: [2]string{"d1", "d1"}, says: "d1 is Active", service: "d1",
		},
		{
			tells:  "two that are Active for the same one are a split brain, for its services alone",
			change: func(s *scene) { s.state("d2", 0, v1alpha1.VRRPActive) },
			group:  "d1,d2", elections: [2]string{"d1,d2", "d2"}, conditions: "Ready=False TwoActives",
			says: "virtual router 66: directors d1,d2 all report being Active: d1 does not hear d2; d2 does not hear d1; " +
				"either VRRP packets do not pass between them, or an agent died while Active; check the link and the agents",
			service: "d2",
		},
		{
			tells:  "each needs an Active",
			change: func(s *scene) { s.state("d2", 1, v1alpha1.VRRPInitialize) },
			group:  "d1", elections: [2]string{"d1", ""}, conditions: "Ready=False NoActive",
			says:     "virtual router 67: no director is Active; d1 is Backup, d2 is Initialize; look at `kubectl describe lvsns` of each",
			services: "Ready=False NoActive",
		},
		{
			tells: "a split brain is told before anything else",
			change: func(s *scene) {
				s.state("d1", 0, v1alpha1.VRRPBackup)
				s.state("d1", 1, v1alpha1.VRRPActive)
			},
			group: "d1,d2", elections: [2]string{"", "d1,d2"}, conditions: "Ready=False TwoActives",
			says: "virtual router 67: directors d1,d2 all report being Active: d1 does not hear d2; d2 does not hear d1; " +
				"either VRRP packets do not pass between them, or an agent died while Active; check the link and the agents",
			service: "d1,d2", services: "Ready=False TwoActives",
		},
		{
			tells: "all split brains are told",
			change: func(s *scene) {
				s.state("d1", 1, v1alpha1.VRRPActive)
				s.state("d2", 0, v1alpha1.VRRPActive)
			},
			group: "d1,d2", elections: [2]string{"d1,d2", "d1,d2"}, conditions: "Ready=False TwoActives",
			says: "virtual router 66: directors d1,d2 all report being Active: d1 does not hear d2; d2 does not hear d1; " +
				"virtual router 67: directors d1,d2 all report being Active: d1 does not hear d2; d2 does not hear d1; " +
				"either VRRP packets do not pass between them, or an agent died while Active; check the link and the agents",
			service: "d1,d2", services: "Ready=False TwoActives",
		},
		{
			tells: "one that a director has not reported",
			change: func(s *scene) {
				s.edge("d1").VirtualRouters = s.edge("d1").VirtualRouters[:1]
			},
			group: "d1,d2", elections: [2]string{"d1", "d2"}, conditions: "Programmed=False Pending",
			says: "d1 is Active for virtual router 66; d2 is Active for virtual router 67; director d1 has not reported the group yet; is its agent running?", service: "d2",
		},
		{
			tells: "one without addresses is needed by nobody",
			change: func(s *scene) {
				for _, name := range s.result.Directors {
					s.states[name].Spec.DirectorGroups[0].VirtualRouters[0].Addresses = nil
					s.edge(name).VirtualRouters = s.edge(name).VirtualRouters[1:]
				}
			},
			group: "d2", elections: [2]string{"", "d2"}, says: "d2 is Active", service: "d2",
		},
	} {
		t.Run(story.tells, func(t *testing.T) {
			s := shared()
			if story.change != nil {
				story.change(s)
			}
			group := s.groupStatus()
			if got := told(group.Conditions); got != story.conditions || group.Active != story.group {
				t.Errorf("group: %q is Active, %q; want %q, %q", group.Active, got, story.group, story.conditions)
			}
			for i, want := range story.elections {
				if got := activeFor(group, int32(66+i)); got != want {
					t.Errorf("virtual router %d: %q is Active, want %q", 66+i, got, want)
				}
			}
			if ready := meta.FindStatusCondition(group.Conditions, v1alpha1.ConditionReady); ready.Message != story.says {
				t.Errorf("Ready says %q, want %q", ready.Message, story.says)
			}
			s.at("192.0.2.20")
			service := s.serviceStatus()
			if got := told(service.Conditions); !hasAll(got, story.services) || service.Active != story.service {
				t.Errorf("service: %q is Active, %q; want %q, %q", service.Active, got, story.service, story.services)
			}
		})
	}
}

// hasAll leaves out what Programmed says: only Ready is about elections.
func hasAll(got, want string) bool { return want == "" || got == want }

func activeFor(status v1alpha1.DirectorGroupStatus, id int32) string {
	for _, election := range status.VirtualRouters {
		if election.VirtualRouterID == id {
			return election.Active
		}
	}
	return ""
}

// state sets the state of a director's first or second virtual router.
func (s *scene) state(node string, router int, state v1alpha1.VRRPState) {
	s.edge(node).VirtualRouters[router].State = state
}

func TestADirectorsStateSumsUpItsVirtualRouters(t *testing.T) {
	s := shared()
	s.edge("d2").VirtualRouters[1].Epoch, s.edge("d2").VirtualRouters[1].Family = 4, v1alpha1.FamilyIPv4
	want := []v1alpha1.DirectorStatus{
		{Node: "d1", Priority: 101, State: v1alpha1.VRRPActive, VirtualRouters: []v1alpha1.DirectorRouterStatus{
			{VirtualRouterID: 66, State: v1alpha1.VRRPActive, Since: &noon}, {VirtualRouterID: 67, State: v1alpha1.VRRPBackup, Since: &noon},
		}},
		{Node: "d2", Priority: 100, State: v1alpha1.VRRPActive, VirtualRouters: []v1alpha1.DirectorRouterStatus{
			{VirtualRouterID: 66, State: v1alpha1.VRRPBackup},
			{VirtualRouterID: 67, Family: v1alpha1.FamilyIPv4, State: v1alpha1.VRRPActive, Since: &noon, Epoch: 4},
		}},
	}
	if diff := cmp.Diff(want, s.groupStatus().Directors); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, story := range []struct {
		routers [2]v1alpha1.VRRPState
		want    v1alpha1.VRRPState
	}{
		{[2]v1alpha1.VRRPState{v1alpha1.VRRPBackup, v1alpha1.VRRPActive}, v1alpha1.VRRPActive},
		{[2]v1alpha1.VRRPState{v1alpha1.VRRPInitialize, v1alpha1.VRRPBackup}, v1alpha1.VRRPBackup},
		{[2]v1alpha1.VRRPState{v1alpha1.VRRPInitialize, v1alpha1.VRRPUnknown}, v1alpha1.VRRPInitialize},
		{[2]v1alpha1.VRRPState{v1alpha1.VRRPUnknown, v1alpha1.VRRPUnknown}, v1alpha1.VRRPUnknown},
	} {
		d := Director{Routers: []Router{{ID: 66, State: story.routers[0]}, {ID: 67, State: story.routers[1]}}}
		if got := d.state(); got != story.want {
			t.Errorf("%v sum up to %s, want %s", story.routers, got, story.want)
		}
	}
}

func TestAServiceByMarkOnTwoVirtualRoutersNeedsBothActives(t *testing.T) {
	s := shared()
	m := marked()
	s.service, s.result.ServiceSlices = m.service, m.result.ServiceSlices
	s.result.Services[key] = compile.Verdict{Generation: 3, Addresses: []v1alpha1.IPAddress{"192.0.2.10", "192.0.2.20"}}
	s.edge("d2").Degraded = []v1alpha1.DegradedService{{Service: "web/shop/mark", RealServers: 2, Healthy: 1}}
	status := s.serviceStatus()
	if told(status.Conditions) != "" || status.Active != "d1,d2" || status.Healthy != "1/2" {
		t.Errorf("%q is Active with %q healthy, %q; want d1,d2, 1/2, and all conditions True", status.Active, status.Healthy, told(status.Conditions))
	}
	s.edge("d2").Degraded[0].Healthy = 0
	if got := told(s.serviceStatus().Conditions); got != "Ready=False NoHealthyRealServer" {
		t.Errorf("conditions %q: one of the Actives has nobody to send to", got)
	}
}

func TestAForeignRouterIsFoundForEachVirtualRouter(t *testing.T) {
	s := shared()
	s.edge("d2").VirtualRouters[1].Peers = []v1alpha1.VRRPPeer{{Address: "198.51.100.9", Priority: 50}}
	exclusive := meta.FindStatusCondition(s.groupStatus().Conditions, v1alpha1.ConditionExclusive)
	want := "director d2 hears 198.51.100.9 advertise with virtual router id 67, and no director of this group sends from there, with priority 50: " +
		"if it is not a keepalived that shares this router on purpose, give one of the two another id, or exclude one that was allocated to this group (vrrp.excludedVirtualRouterIDs)"
	if exclusive.Message != want {
		t.Errorf("Exclusive says %q, want %q", exclusive.Message, want)
	}
}
