// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

func TestOperatorsAreToldWhatChangesInElections(t *testing.T) {
	one := func(active string) []v1alpha1.Election {
		return []v1alpha1.Election{{VirtualRouterID: 66, Active: active}}
	}
	two := func(a, b string) []v1alpha1.Election {
		return []v1alpha1.Election{{VirtualRouterID: 66, Active: a}, {VirtualRouterID: 67, Active: b}}
	}
	for _, story := range []struct {
		tells    string
		statuses [][]v1alpha1.Election
		want     electionChanges // of the last of the statuses
	}{
		{tells: "the first Active", statuses: [][]v1alpha1.Election{nil, one("d1")}, want: electionChanges{active: []string{"director d1 is Active"}}},
		{
			tells: "a hand-over", statuses: [][]v1alpha1.Election{one("d1"), one("d2")},
			want: electionChanges{active: []string{"director d2 is Active, before it was d1"}},
		},
		{tells: "nobody is Active", statuses: [][]v1alpha1.Election{one("d1"), one("")}},
		{
			tells: "and then somebody else", statuses: [][]v1alpha1.Election{one("d1"), one(""), one("d2")},
			want: electionChanges{active: []string{"director d2 is Active, before it was d1"}},
		},
		{tells: "a split brain", statuses: [][]v1alpha1.Election{one("d1"), one("d1,d2")}, want: electionChanges{split: []int32{66}}},
		{tells: "a third joins it", statuses: [][]v1alpha1.Election{one("d1,d2"), one("d1,d2,d3")}},
		{
			tells: "it is over", statuses: [][]v1alpha1.Election{one("d1"), one("d1,d2"), one("d1")},
			want: electionChanges{
				healed: []string{"directors d1,d2 are no longer Active at the same time: d1 is now"}, active: []string{"director d1 is Active again"},
			},
		},
		{
			tells: "it is over, and nobody is left", statuses: [][]v1alpha1.Election{one("d1,d2"), one("")},
			want: electionChanges{healed: []string{"directors d1,d2 are no longer Active at the same time: none of them is now"}},
		},
		{
			tells: "each virtual router for itself", statuses: [][]v1alpha1.Election{two("d1", "d2"), two("d1,d2", "d1")},
			want: electionChanges{split: []int32{66}, active: []string{"virtual router 67: director d1 is Active, before it was d2"}},
		},
		{tells: "nothing", statuses: [][]v1alpha1.Election{two("d1", "d2"), two("d1", "d2")}},
	} {
		t.Run(story.tells, func(t *testing.T) {
			last := lastActive{}.of("edge")
			var got electionChanges
			for i := 1; i < len(story.statuses); i++ {
				got = compareElections(story.statuses[i-1], story.statuses[i], last)
			}
			if diff := cmp.Diff(story.want, got, cmp.AllowUnexported(electionChanges{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestANoteIsNoLongerThanAnEventTakes(t *testing.T) {
	if got := noteOf([]string{strings.Repeat("x", 1010), "director d1 is Active"}); len(got) > mostNote || !strings.HasSuffix(got, "...") {
		t.Errorf("a note of %d bytes", len(got))
	}
}
