// SPDX-License-Identifier: Apache-2.0

package rollup

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
	"github.com/lvs-operator/lvs-operator/controllers/compile"
)

// marked is the scene with a service by firewall mark in place of ports, which matches the group's address.
func marked() *scene {
	s := served()
	s.service.Spec.Ports = nil
	s.service.Spec.Address = ""
	s.service.Spec.FirewallMark = &v1alpha1.FirewallMark{Mark: 7, Match: []v1alpha1.Match{{Addresses: []v1alpha1.CIDR{"192.0.2.10/32"}}}}
	services := &s.result.ServiceSlices[0].Spec.Services
	*services = (*services)[:1]
	(*services)[0].ID = "web/shop/mark"
	return s
}

func TestAServiceByMarkHasOnePartNamedMark(t *testing.T) {
	s := marked()
	s.edge("d1").Degraded = []v1alpha1.DegradedService{{Service: "web/shop/mark", RealServers: 2, Healthy: 1}}
	status := s.serviceStatus()
	if len(status.Ports) != 1 || status.Ports[0].Name != "mark" || status.Ports[0].Directors[0].Healthy != 1 || status.Healthy != "1/2" {
		t.Errorf("ports %+v, healthy %q; want one port, mark, of which d1 sees 1 of 2 real servers healthy", status.Ports, status.Healthy)
	}
	if got := told(status.Conditions); got != "" {
		t.Errorf("conditions %q, want all of them True", got)
	}
	accepted := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionAccepted)
	if want := "firewall mark 7 is this service's in DirectorGroup edge"; accepted.Message != want {
		t.Errorf("Accepted says %q, want %q", accepted.Message, want)
	}
}

func TestAServiceByMarkIsNotReadyWithoutAHealthyRealServer(t *testing.T) {
	s := marked()
	s.edge("d1").Degraded = []v1alpha1.DegradedService{{Service: "web/shop/mark", RealServers: 2}}
	ready := meta.FindStatusCondition(s.serviceStatus().Conditions, v1alpha1.ConditionReady)
	if ready.Reason != v1alpha1.ReasonNoHealthyRealServer || !strings.Contains(ready.Message, "of firewall mark 7 healthy") {
		t.Errorf("Ready is %s: %s", ready.Reason, ready.Message)
	}
}

func TestAServiceWaitsUntilTheDirectorsHaveAppliedItsAddress(t *testing.T) {
	s := served()
	s.states["d2"].Status.ObservedGeneration = 3
	if got, want := told(s.serviceStatus().Conditions), "Programmed=False Pending"; got != want {
		t.Errorf("conditions %q, want %q", got, want)
	}
}

func TestAServiceWaitsForEveryAddressThatVRRPCarriesForIt(t *testing.T) {
	for tells, story := range map[string]struct {
		carried    []v1alpha1.IPAddress
		conditions string
	}{
		"a mark that matches no address of a pool waits for none": {nil, ""},
		"the one that the directors have":                         {[]v1alpha1.IPAddress{"192.0.2.10"}, ""},
		"one that they have not": {
			[]v1alpha1.IPAddress{"192.0.2.10", "2001:db8::10"}, "Programmed=False Pending, Ready=False Pending",
		},
	} {
		t.Run(tells, func(t *testing.T) {
			s := marked()
			s.result.Services = map[types.NamespacedName]compile.Verdict{key: {Generation: 3, Addresses: story.carried}}
			if got := told(s.serviceStatus().Conditions); got != story.conditions {
				t.Errorf("conditions %q, want %q", got, story.conditions)
			}
		})
	}
}
