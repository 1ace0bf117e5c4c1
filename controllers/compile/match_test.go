// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

func TestJoinedPortsAreTheSamePorts(t *testing.T) {
	type ports = []v1alpha1.PortRange
	type joined = []v1alpha1.CompiledPortRange
	for _, story := range []struct {
		tells string
		ports ports
		want  joined
	}{
		{"none are every port", nil, nil},
		{"a port is a range of one", ports{{Port: 80}}, joined{{First: 80, Last: 80}}},
		{"they come in order", ports{{Port: 443}, {Port: 80}}, joined{{First: 80, Last: 80}, {First: 443, Last: 443}}},
		{"twice is once", ports{{Port: 80}, {Port: 80}}, joined{{First: 80, Last: 80}}},
		{"neighbours are one range", ports{{Port: 81}, {Port: 80}}, joined{{First: 80, Last: 81}}},
		{"a range inside another adds nothing", ports{{Port: 1, EndPort: 65535}, {Port: 80, EndPort: 90}}, joined{{First: 1, Last: 65535}}},
		{"ranges that overlap are one", ports{{Port: 85, EndPort: 99}, {Port: 80, EndPort: 90}}, joined{{First: 80, Last: 99}}},
	} {
		t.Run(story.tells, func(t *testing.T) {
			if diff := cmp.Diff(story.want, joinedPorts(story.ports)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
