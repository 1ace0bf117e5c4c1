// SPDX-License-Identifier: Apache-2.0

package rollup

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

func TestWhatFollowsFromHealthIsTold(t *testing.T) {
	const id = "web/shop/http"
	for _, tc := range []struct {
		name     string
		degraded []v1alpha1.DegradedService
		gone     []v1alpha1.IPAddress
		reason   string
		message  string
	}{
		{"some are down", []v1alpha1.DegradedService{{Service: id, RealServers: 2, Healthy: 1}}, nil, "Ready", "1 of 2"},
		{"none is up", []v1alpha1.DegradedService{{Service: id, RealServers: 2, Consequence: v1alpha1.ConsequenceQuorumLost}}, nil,
			v1alpha1.ReasonNoHealthyRealServer, "sees none of 2 real servers"},
		{"no quorum", []v1alpha1.DegradedService{{Service: id, RealServers: 2, Healthy: 1, Consequence: v1alpha1.ConsequenceQuorumLost}}, nil,
			v1alpha1.ReasonQuorumLost, "1 of 2 real servers of port http healthy, which is no quorum; these serve alone"},
		{"the sorry server", []v1alpha1.DegradedService{{Service: id, RealServers: 2, Consequence: v1alpha1.ConsequenceSorryServer}}, nil,
			v1alpha1.ReasonSorryServer, "sends new connections to the sorryServer"},
		{"all get connections", []v1alpha1.DegradedService{{Service: id, RealServers: 2, Consequence: v1alpha1.ConsequenceSendsToAll}}, nil,
			v1alpha1.ReasonPanicThreshold, "sends connections to all of them"},
		{"its address is gone", []v1alpha1.DegradedService{{Service: id, RealServers: 2, Healthy: 1, Consequence: v1alpha1.ConsequenceAddressWithdrawn}}, []v1alpha1.IPAddress{"192.0.2.10"},
			v1alpha1.ReasonQuorumLost, "and withdraws the virtual IP; check the real servers"},
		{"its address is gone because of another service", nil, []v1alpha1.IPAddress{"192.0.2.10"},
			v1alpha1.ReasonQuorumLost, "another service of it has lost its quorum"},
		{"another address is gone", nil, []v1alpha1.IPAddress{"192.0.2.11"}, "Ready", "2 of 2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := served()
			reported := s.edge("d1")
			reported.Degraded, reported.WithdrawnAddresses = tc.degraded, tc.gone
			ready := meta.FindStatusCondition(s.serviceStatus().Conditions, v1alpha1.ConditionReady)
			if ready.Reason != tc.reason || !strings.Contains(ready.Message, tc.message) {
				t.Errorf("Ready is %s: %s; want %s with %q", ready.Reason, ready.Message, tc.reason, tc.message)
			}
		})
	}
}
