// SPDX-License-Identifier: Apache-2.0

package compile

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

func director(group string) *v1alpha1.NodeDirectorGroup {
	return &v1alpha1.NodeDirectorGroup{Name: group}
}

func spec(vips []v1alpha1.IPAddress, groups ...string) v1alpha1.NodeStateSpec {
	s := v1alpha1.NodeStateSpec{}
	for _, group := range groups {
		s.DirectorGroups = append(s.DirectorGroups, *director(group))
	}
	if vips != nil {
		s.RealServer = &v1alpha1.NodeRealServer{Addresses: vips}
	}
	return s
}

func TestMergeNode(t *testing.T) {
	type vips = []v1alpha1.IPAddress
	for _, story := range []struct {
		tells   string
		current v1alpha1.NodeStateSpec
		parts   []NodePart
		pending []string
		want    v1alpha1.NodeStateSpec
	}{
		{tells: "a node with no part has nothing to do", current: spec(vips{"192.0.2.1"}, "edge"), want: spec(nil)},
		{
			tells: "two groups add up, each address once and in numeric order",
			parts: []NodePart{
				{Director: director("web"), RealServer: vips{"192.0.2.10", "192.0.2.20"}},
				{Director: director("edge"), RealServer: vips{"192.0.2.9", "192.0.2.10"}},
			},
			want: spec(vips{"192.0.2.9", "192.0.2.10", "192.0.2.20"}, "edge", "web"),
		},
		{
			tells:   "what a group that is not compiled yet gave stays",
			current: spec(vips{"192.0.2.1"}, "edge", "gone", "late"),
			parts:   []NodePart{{Director: director("edge"), RealServer: vips{"192.0.2.2"}}},
			pending: []string{"late"},
			want:    spec(vips{"192.0.2.1", "192.0.2.2"}, "edge", "late"),
		},
	} {
		t.Run(story.tells, func(t *testing.T) {
			if diff := cmp.Diff(story.want, MergeNode(story.current, story.parts, story.pending)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
