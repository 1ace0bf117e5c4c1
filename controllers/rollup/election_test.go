// SPDX-License-Identifier: Apache-2.0

package rollup

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lvs-operator/lvs-operator/api/v1alpha1"
)

// moment is what the controller reads of the two directors at a time after noon.
type moment struct {
	at     time.Duration
	d1, d2 claimed
	active string
	again  time.Duration
}

// claimed is what a director reports: how often it has been Active, if it is now; 0: it is Backup. Its clock is off by so much.
type claimed struct {
	epoch int64
	off   time.Duration
}

func TestAHandBackIsNoSplitBrainUntilItsGraceIsOver(t *testing.T) {
	const ms = time.Millisecond
	backup, first, second := claimed{}, claimed{epoch: 1}, claimed{epoch: 2}
	for _, story := range []struct {
		tells   string
		before  string // who was Active when the controller was started
		moments []moment
	}{
		{
			tells: "the newest claim counts alone until the older director reports",
			moments: []moment{
				{at: 0, d1: backup, d2: first, active: "d2"},
				{at: 3000 * ms, d1: first, d2: first, active: "d1", again: 1250 * ms},
				{at: 3400 * ms, d1: first, d2: first, active: "d1", again: 850 * ms},
				{at: 3500 * ms, d1: first, d2: backup, active: "d1"},
			},
		},
		{
			tells: "whatever the directors' clocks say",
			moments: []moment{
				{at: 0, d1: claimed{1, time.Hour}, d2: backup, active: "d1"},
				{at: 3000 * ms, d1: claimed{1, time.Hour}, d2: claimed{1, -time.Hour}, active: "d2", again: 1250 * ms},
				{at: 3100 * ms, d1: backup, d2: claimed{1, -time.Hour}, active: "d2"},
			},
		},
		{
			tells: "when it is over both are Active, until one is not",
			moments: []moment{
				{at: 0, d1: first, d2: backup, active: "d1"},
				{at: 3000 * ms, d1: first, d2: first, active: "d2", again: 1250 * ms},
				{at: 4249 * ms, d1: first, d2: first, active: "d2", again: ms},
				{at: 4250 * ms, d1: first, d2: first, active: "d1,d2"},
				{at: 5000 * ms, d1: second, d2: first, active: "d1,d2"},
				{at: time.Hour, d1: second, d2: first, active: "d1,d2"},
				{at: time.Hour + ms, d1: second, d2: backup, active: "d1"},
			},
		},
		{
			tells: "a director that takes the role back at once makes the newest claim, though it was never read as Backup",
			moments: []moment{
				{at: 0, d1: first, d2: backup, active: "d1"},
				{at: 1000 * ms, d1: first, d2: first, active: "d2", again: 1250 * ms},
				{at: 2000 * ms, d1: second, d2: first, active: "d1", again: 1250 * ms},
				{at: 3000 * ms, d1: second, d2: second, active: "d2", again: 1250 * ms},
				{at: 4000 * ms, d1: backup, d2: second, active: "d2"},
			},
		},
		{
			tells: "a controller that starts in a hand-over asks the clocks",
			moments: []moment{
				{at: 0, d1: first, d2: claimed{1, time.Minute}, active: "d2", again: 1250 * ms},
				{at: 10 * ms, d1: backup, d2: claimed{1, time.Minute}, active: "d2"},
			},
		},
		{
			tells:  "one that starts in a split brain knows it",
			before: "d1,d2",
			moments: []moment{
				{at: 0, d1: first, d2: first, active: "d1,d2"},
				{at: time.Minute, d1: backup, d2: first, active: "d2"},
				{at: 2 * time.Minute, d1: second, d2: first, active: "d1", again: 1250 * ms},
			},
		},
	} {
		t.Run(story.tells, func(t *testing.T) {
			s := served()
			s.claims = NewClaims(v1alpha1.DirectorGroupStatus{VirtualRouters: []v1alpha1.Election{{VirtualRouterID: 66, Active: story.before}}})
			for _, m := range story.moments {
				s.now = metav1.NewTime(noon.Add(m.at))
				s.claim("d1", m.d1)
				s.claim("d2", m.d2)
				if _, again := s.read(); again != m.again {
					t.Errorf("after %s: asks to be called again after %s, want %s", m.at, again, m.again)
				}
				group, service := s.groupStatus(), s.serviceStatus()
				if group.Active != m.active || service.Active != m.active || group.VirtualRouters[0].Active != m.active {
					t.Errorf("after %s: group: %q, service: %q Active; want %q", m.at, group.Active, service.Active, m.active)
				}
				want := ""
				if strings.Contains(m.active, ",") {
					want = "Ready=False TwoActives"
				}
				if got := told(group.Conditions); got != want {
					t.Errorf("after %s: group: %q, want %q", m.at, got, want)
				}
				if got := told(service.Conditions); got != want {
					t.Errorf("after %s: service: %q, want %q", m.at, got, want)
				}
			}
		})
	}
}

// claim has the director report the claim.
func (s *scene) claim(node string, c claimed) {
	router := &s.edge(node).VirtualRouters[0]
	router.State, router.Epoch, router.Since = v1alpha1.VRRPBackup, 0, noon
	if c.epoch > 0 {
		router.State, router.Epoch, router.Since = v1alpha1.VRRPActive, c.epoch, metav1.NewTime(noon.Add(c.off))
	}
}

func TestAThirdClaimGivesTheOthersNoMoreGrace(t *testing.T) {
	s := served()
	s.claims = NewClaims(v1alpha1.DirectorGroupStatus{})
	s.result.Directors = append(s.result.Directors, "d3")
	s.states["d3"] = reportOf("d3", 99)
	for _, m := range []struct {
		at     time.Duration
		node   string // becomes Active
		active string
		again  time.Duration
	}{
		{0, "d1", "d1", 0},
		{time.Second, "d2", "d2", ElectionGrace},
		{2 * time.Second, "d3", "d3", ElectionGrace - time.Second},
		{time.Second + ElectionGrace, "", "d1,d2,d3", 0},
	} {
		s.now = metav1.NewTime(noon.Add(m.at))
		if m.node != "" {
			s.claim(m.node, claimed{epoch: 1})
		}
		directors, again := s.read()
		if got := names(actives(66, directors)); got != m.active || again != m.again {
			t.Errorf("after %s: %s count, to be read again after %s; want %s, %s", m.at, got, again, m.active, m.again)
		}
	}
}

func TestAClaimThatWasTakenBackOnTheLinkCountsNoMore(t *testing.T) {
	s := served()
	s.claims = NewClaims(v1alpha1.DirectorGroupStatus{})
	s.claim("d1", claimed{epoch: 1})
	s.read()
	s.now = metav1.NewTime(later.Add(time.Hour))
	s.claim("d2", claimed{epoch: 1})
	s.edge("d2").VirtualRouters[0].Peers = []v1alpha1.VRRPPeer{{Address: "198.51.100.1"}}
	check := func(when, active, conditions string, again time.Duration) {
		t.Helper()
		if _, got := s.read(); got != again {
			t.Errorf("%s: asks to be called again after %s, want %s", when, got, again)
		}
		if status := s.groupStatus(); status.Active != active || told(status.Conditions) != conditions {
			t.Errorf("%s: %q is Active, %q; want %q, %q", when, status.Active, told(status.Conditions), active, conditions)
		}
	}
	check("the new Active heard the resignation", "d2", "", 0)
	s.edge("d2").VirtualRouters[0].Peers = nil
	check("it was half a minute ago", "d2", "", 0)
	s.now = metav1.NewTime(s.now.Add(time.Minute))
	check("the last word of the one before never comes", "d2", "", 0)
	s.edge("d2").VirtualRouters[0].Peers = []v1alpha1.VRRPPeer{{Address: "198.51.100.1"}}
	s.claim("d1", claimed{epoch: 2})
	check("it became Active once more, whatever was heard before that", "d1", "", ElectionGrace)
}

func TestAResignationOfSomebodyElseTakesNoClaimBack(t *testing.T) {
	for tells, peer := range map[string]v1alpha1.VRRPPeer{
		"another address":               {Address: "198.51.100.9"},
		"it advertises":                 {Address: "198.51.100.1", Priority: 101},
		"what it sends was thrown away": {Address: "198.51.100.1", Discarded: "authentication"},
	} {
		t.Run(tells, func(t *testing.T) {
			s := served()
			s.vrrp("d2", v1alpha1.VRRPActive, later)
			s.backupHears(peer)
			if got := s.groupStatus().Active; got != "d1,d2" {
				t.Errorf("%q is Active, want both", got)
			}
		})
	}
}

func TestOneActiveNeedsNoSecondLook(t *testing.T) {
	s := served()
	s.claims = NewClaims(v1alpha1.DirectorGroupStatus{})
	if _, again := s.read(); again != 0 {
		t.Errorf("asks to be called again after %s", again)
	}
}

func TestASplitBrainSaysWhatTheActivesHearOfEachOther(t *testing.T) {
	for tells, story := range map[string]struct {
		d1, d2 []v1alpha1.VRRPPeer
		says   []string
	}{
		"a partition": {nil, nil, []string{"d1 does not hear d2", "d2 does not hear d1"}},
		"just after one": {
			nil, []v1alpha1.VRRPPeer{{Address: "198.51.100.1", Priority: 101}},
			[]string{"d1 does not hear d2", "d2 has heard d1 within the last half minute"},
		},
		"two passwords": {
			[]v1alpha1.VRRPPeer{{Address: "198.51.100.2", Discarded: "authentication"}}, []v1alpha1.VRRPPeer{{Address: "198.51.100.1", Discarded: "authentication"}},
			[]string{"d1 hears d2 and discards it (authentication)", "d2 hears d1 and discards it (authentication)"},
		},
	} {
		t.Run(tells, func(t *testing.T) {
			s := served()
			s.vrrp("d2", v1alpha1.VRRPActive, noon)
			s.edge("d1").VirtualRouters[0].Peers, s.edge("d2").VirtualRouters[0].Peers = story.d1, story.d2
			ready := meta.FindStatusCondition(s.groupStatus().Conditions, v1alpha1.ConditionReady)
			for _, text := range story.says {
				if ready.Reason != v1alpha1.ReasonTwoActives || !strings.Contains(ready.Message, text) {
					t.Errorf("%s: %s; want %q in it", ready.Reason, ready.Message, text)
				}
			}
		})
	}
}

func TestWhereNobodyReportsBeingActiveTheBackupsTellWhomTheyFollow(t *testing.T) {
	s := served()
	s.vrrp("d1", v1alpha1.VRRPBackup, noon)
	s.edge("d1").VirtualRouters[0].Following = "198.51.100.9"
	s.edge("d2").VirtualRouters[0].Following = "198.51.100.1"
	ready := meta.FindStatusCondition(s.groupStatus().Conditions, v1alpha1.ConditionReady)
	if want := "no director is Active; d1 is Backup and follows 198.51.100.9, d2 is Backup and follows d1"; !strings.HasPrefix(ready.Message, want) {
		t.Errorf("Ready says %q, want %q", ready.Message, want)
	}
}
