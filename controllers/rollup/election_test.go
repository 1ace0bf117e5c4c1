// SPDX-License-Identifier: Apache-2.0

package rollup

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

func TestAHandBackIsNoSplitBrainUntilItsGraceIsOver(t *testing.T) {
	after := func(d time.Duration) metav1.Time { return metav1.NewTime(noon.Add(d)) }
	for _, story := range []struct {
		tells  string
		d1, d2 metav1.Time // since when each is Active
		now    metav1.Time
		active string
		again  time.Duration
	}{
		{tells: "the newest claim counts at once", d1: noon, d2: after(-time.Hour), now: noon, active: "d1", again: 5 * time.Second},
		{tells: "whoever it is", d1: after(-time.Hour), d2: noon, now: after(2 * time.Second), active: "d2", again: 3 * time.Second},
		{tells: "up to the last moment", d1: noon, d2: after(-time.Hour), now: after(4999 * time.Millisecond), active: "d1", again: time.Millisecond},
		{tells: "then both are Active", d1: noon, d2: after(-time.Hour), now: after(5 * time.Second), active: "d1,d2"},
		{tells: "of the same second the higher priority counts", d1: noon, d2: noon, now: noon, active: "d1", again: 5 * time.Second},
		{tells: "a clock that is a little fast", d1: after(time.Second), d2: noon, now: noon, active: "d1", again: 6 * time.Second},
		{tells: "a claim from the far future has no grace", d1: after(time.Hour), d2: noon, now: noon, active: "d1,d2"},
	} {
		t.Run(story.tells, func(t *testing.T) {
			s := served()
			s.vrrp("d1", v1alpha1.VRRPActive, story.d1)
			s.vrrp("d2", v1alpha1.VRRPActive, story.d2)
			s.now = story.now
			_, again := Directors("edge", s.result.Directors, s.states, s.notReady, s.now.Time)
			if again != story.again {
				t.Errorf("asks to be called again after %s, want %s", again, story.again)
			}
			group, service := s.groupStatus(), s.serviceStatus()
			if group.Active != story.active || service.Active != story.active {
				t.Errorf("group: %q, service: %q Active; want %q", group.Active, service.Active, story.active)
			}
			want := "Ready=False TwoActives"
			if story.again > 0 {
				want = ""
			}
			if got := told(group.Conditions); got != want {
				t.Errorf("group: %q, want %q", got, want)
			}
			if got := told(service.Conditions); got != want {
				t.Errorf("service: %q, want %q", got, want)
			}
		})
	}
}

func TestOneActiveNeedsNoSecondLook(t *testing.T) {
	s := served()
	if _, again := Directors("edge", s.result.Directors, s.states, s.notReady, noon.Time); again != 0 {
		t.Errorf("asks to be called again after %s", again)
	}
}
