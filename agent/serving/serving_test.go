// SPDX-License-Identifier: Apache-2.0

package serving_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/serving"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }

// realServer is the n-th of the real servers, .1 being the first.
func realServer(n int, weight uint32) ipvs.Destination {
	return ipvs.Destination{Address: netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}), Port: 80, Method: ipvs.DirectRoute, Weight: weight}
}

// pool are four real servers of weight 10.
func pool() []ipvs.Destination {
	return []ipvs.Destination{realServer(1, 10), realServer(2, 10), realServer(3, 10), realServer(4, 10)}
}

var sorry = realServer(99, 1)

// up is the health of a pool of which these are up, each with the weight that it is listed with.
func up(list string) func(ipvs.Destination) serving.Health {
	return func(d ipvs.Destination) serving.Health {
		return serving.Health{Up: strings.Contains(list, fmt.Sprint(d.Address.As4()[3])), Weight: d.Weight}
	}
}

// line is a decision as a person would tell it.
func line(d serving.Decision) string {
	var b strings.Builder
	for _, one := range d.Destinations {
		fmt.Fprintf(&b, ".%d:%d ", one.Address.As4()[3], one.Weight)
	}
	for _, one := range d.Down {
		fmt.Fprintf(&b, "-.%d ", one.Addr().As4()[3])
	}
	if !d.Next.IsZero() {
		fmt.Fprintf(&b, "next %gs ", d.Next.Sub(start).Seconds())
	}
	return b.String() + []string{"", "all", "lost", "withdrawn", "sorry"}[d.Consequence]
}

// step is one decision in the life of a service.
type step struct {
	at   float64
	up   string
	want string
}

func play(t *testing.T, policy serving.Policy, steps ...step) {
	t.Helper()
	if err := policy.Validate(); err != nil {
		t.Fatal(err)
	}
	var state serving.State
	for _, s := range steps {
		got := line(state.Decide(at(s.at), serving.Service{Destinations: pool(), Policy: policy, Waited: true}, up(s.up)))
		if strings.TrimSpace(got) != s.want {
			t.Errorf("at %gs with %q up: got %q, want %q", s.at, s.up, strings.TrimSpace(got), s.want)
		}
	}
}

func TestWithoutAPolicyThoseServeWhichAreUp(t *testing.T) {
	play(t, serving.Policy{},
		step{0, "1234", ".1:10 .2:10 .3:10 .4:10"},
		step{1, "24", ".2:10 .4:10 -.1 -.3"},
		step{2, "", "-.1 -.2 -.3 -.4"})
}

func TestInhibitedRealServersStayWithoutWeight(t *testing.T) {
	play(t, serving.Policy{Inhibit: true},
		step{0, "24", ".1:0 .2:10 .3:0 .4:10"},
		step{1, "", ".1:0 .2:0 .3:0 .4:0"},
		step{2, "1234", ".1:10 .2:10 .3:10 .4:10"})
}

func TestQuorumIsLostBelowItsHysteresisAndComesBackAboveIt(t *testing.T) {
	play(t, serving.Policy{Quorum: 20, Hysteresis: 10},
		step{0, "12", ".1:10 .2:10 -.3 -.4"},
		step{1, "1", ".1:10 -.2 -.3 -.4"}, // 10 = 20 - 10
		step{2, "", "-.1 -.2 -.3 -.4 lost"},
		step{3, "12", ".1:10 .2:10 -.3 -.4 lost"}, // 20 < 20 + 10
		step{4, "123", ".1:10 .2:10 .3:10 -.4"},   // 30
		step{5, "1", ".1:10 -.2 -.3 -.4"})
}

func TestWithoutQuorumAtTheBeginningHysteresisDoesNotCount(t *testing.T) {
	play(t, serving.Policy{Quorum: 20, Hysteresis: 10}, step{0, "1", ".1:10 -.2 -.3 -.4 lost"})
	play(t, serving.Policy{Quorum: 20, Hysteresis: 10}, step{0, "12", ".1:10 .2:10 -.3 -.4"})
}

func TestWithdrawnWhileTheQuorumIsLost(t *testing.T) {
	play(t, serving.Policy{Quorum: 1, Withdraw: true},
		step{0, "", "-.1 -.2 -.3 -.4 withdrawn"},
		step{1, "3", ".3:10 -.1 -.2 -.4"})
}

func TestSorryServerServesAloneWhileTheQuorumIsLost(t *testing.T) {
	play(t, serving.Policy{Quorum: 20, Sorry: sorry},
		step{0, "1234", ".1:10 .2:10 .3:10 .4:10"},
		step{1, "2", ".2:0 .99:1 -.1 -.3 -.4 sorry"}, // the healthy one keeps its connections
		step{2, "", ".99:1 -.1 -.2 -.3 -.4 sorry"},
		step{3, "24", ".2:10 .4:10 -.1 -.3"})
	play(t, serving.Policy{Quorum: 20, Sorry: sorry, Inhibit: true},
		step{1, "2", ".1:0 .2:0 .3:0 .4:0 .99:1 sorry"})
}

func TestSorryServerThatIsOneOfTheRealServers(t *testing.T) {
	own := realServer(2, 1)
	play(t, serving.Policy{Quorum: 15, Sorry: own},
		step{0, "", ".2:1 -.1 -.3 -.4 sorry"},
		step{1, "2", ".2:1 -.1 -.3 -.4 sorry"},
		step{2, "24", ".2:10 .4:10 -.1 -.3"})
	play(t, serving.Policy{Quorum: 15, Sorry: own, Inhibit: true},
		step{0, "", ".1:0 .2:1 .3:0 .4:0 sorry"})
}

func TestWhenTooFewAreHealthyAllServe(t *testing.T) {
	play(t, serving.Policy{Quorum: 1, Guard: 50},
		step{0, "12", ".1:10 .2:10 -.3 -.4"}, // half is not fewer than half
		step{1, "1", ".1:10 .2:10 .3:10 .4:10 all"},
		step{2, "", ".1:10 .2:10 .3:10 .4:10 all"},
		step{3, "134", ".1:10 .3:10 .4:10 -.2"})
}

func TestBeforeAllWereCheckedNothingFollows(t *testing.T) {
	for _, policy := range []serving.Policy{{Quorum: 1, Sorry: sorry}, {Quorum: 1, Withdraw: true}, {Guard: 100}} {
		var state serving.State
		young := serving.Service{Destinations: pool(), Policy: policy}
		if got, want := line(state.Decide(start, young, up("1"))), ".1:10 -.2 -.3 -.4 "; got != want {
			t.Errorf("%+v: got %q, want %q", policy, got, want)
		}
	}
}

func TestWhenAllWereCheckedNobodyWaits(t *testing.T) {
	var state serving.State
	checked := func(ipvs.Destination) serving.Health { return serving.Health{Checked: true} }
	d := state.Decide(start, serving.Service{Destinations: pool(), Policy: serving.Policy{Quorum: 1}}, checked)
	if !d.Checked || d.Consequence != serving.QuorumLost {
		t.Errorf("got %s, checked %t", line(d), d.Checked)
	}
}

func TestWhatWasDecidedOutlivesTheAgent(t *testing.T) {
	own := realServer(2, 1)
	for _, tc := range []struct {
		name        string
		policy      serving.Policy
		memory      serving.Memory
		young, want string
	}{
		{"the sorry server serves", serving.Policy{Quorum: 15, Sorry: sorry}, serving.Memory{Lost: true}, "1", ".1:0 .99:1 -.2 -.3 -.4 sorry"},
		{"it is a real server, too", serving.Policy{Quorum: 1, Sorry: own}, serving.Memory{Lost: true}, "", ".2:1 -.1 -.3 -.4 sorry"},
		{"it does not serve", serving.Policy{Quorum: 15, Sorry: own}, serving.Memory{Held: true}, "2", ".2:10 -.1 -.3 -.4"},
		{"the virtual IP is gone", serving.Policy{Quorum: 15, Withdraw: true}, serving.Memory{Lost: true}, "1", ".1:10 -.2 -.3 -.4 withdrawn"},
		{"all serve", serving.Policy{Guard: 50}, serving.Memory{Guarded: true}, "", ".1:10 .2:10 .3:10 .4:10 all"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			service := serving.Service{Destinations: pool(), Policy: tc.policy}
			state := serving.Resume(start, service, tc.memory, nil)
			there := func(d ipvs.Destination) serving.Health {
				h := up(tc.young)(d)
				h.There = true
				return h
			}
			if got := strings.TrimSpace(line(state.Decide(start, service, there))); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if state.Memory() != tc.memory {
				t.Errorf("it remembers %+v, and was %+v", state.Memory(), tc.memory)
			}
		})
	}
}

func TestHysteresisOutlivesTheAgent(t *testing.T) {
	service := serving.Service{Destinations: pool(), Policy: serving.Policy{Quorum: 20, Hysteresis: 10}, Waited: true}
	for memory, want := range map[serving.Memory]string{
		{Held: true}: ".1:10 -.2 -.3 -.4",      // 10 = 20 - 10
		{Lost: true}: ".1:10 -.2 -.3 -.4 lost", // 10 < 20 + 10
		{}:           ".1:10 -.2 -.3 -.4 lost", // 10 < 20
	} {
		state := serving.Resume(start, service, memory, nil)
		if got := strings.TrimSpace(line(state.Decide(start, service, up("1")))); got != want {
			t.Errorf("%+v: got %q, want %q", memory, got, want)
		}
		if kept := memory.Kept(service.Policy); kept != memory {
			t.Errorf("%+v: %+v is kept of it", memory, kept)
		}
	}
	if kept := (serving.Memory{Held: true}).Kept(serving.Policy{Quorum: 20}); kept != (serving.Memory{}) {
		t.Errorf("%+v is kept of a quorum without hysteresis", kept)
	}
}

func TestNewMemberDoesNotEndTheGuard(t *testing.T) {
	var state serving.State
	policy := serving.Policy{Guard: 50}
	checked := func(d ipvs.Destination) serving.Health {
		return serving.Health{Checked: d.Address != sorry.Address, There: d.Address != sorry.Address, Weight: d.Weight}
	}
	service := serving.Service{Destinations: pool(), Policy: policy}
	state.Decide(start, service, checked)
	service.Destinations = append(pool(), sorry)
	if got, want := line(state.Decide(start, service, checked)), ".1:10 .2:10 .3:10 .4:10 -.99 all"; got != want {
		t.Errorf("got %q, want %q: the new one was not checked yet", got, want)
	}
	service.Waited = true
	if got, want := line(state.Decide(start, service, checked)), ".1:10 .2:10 .3:10 .4:10 .99:1 all"; got != want {
		t.Errorf("got %q, want %q: it had its time", got, want)
	}
}

func TestRealServersThatAreCheckedForTheFirstTimeHaveTheirWholeWeight(t *testing.T) {
	var state serving.State
	service := serving.Service{Destinations: pool(), Policy: serving.Policy{SlowStart: time.Minute}}
	for _, step := range []struct {
		up, checked, want string
	}{
		{"", "", "-.1 -.2 -.3 -.4"},
		{"12", "12", ".1:10 .2:10 -.3 -.4"},
		{"123", "1234", ".1:10 .2:10 .3:10 -.4"},
		{"1234", "1234", ".1:10 .2:10 .3:10 .4:1 next 3s"},
	} {
		health := func(d ipvs.Destination) serving.Health {
			h := up(step.up)(d)
			h.Checked = strings.Contains(step.checked, fmt.Sprint(d.Address.As4()[3]))
			return h
		}
		if got := strings.TrimSpace(line(state.Decide(start, service, health))); got != step.want {
			t.Errorf("%s up of %s: got %q, want %q", step.up, step.checked, got, step.want)
		}
	}
}

func TestWeightThatGrowsGoesOnGrowingWithANewAgent(t *testing.T) {
	for _, whole := range []uint32{3, 10, 100, 65535} {
		for _, slowStart := range []time.Duration{2 * time.Second, 10 * time.Second, 7 * time.Minute} {
			service := serving.Service{Destinations: []ipvs.Destination{realServer(1, whole)}, Policy: serving.Policy{SlowStart: slowStart}, Waited: true}
			var state serving.State
			state.Decide(start, service, up(""))
			now := at(1)
			for {
				d := state.Decide(now, service, up("1"))
				if d.Next.IsZero() {
					break
				}
				anew := serving.Resume(now, service, serving.Memory{}, d.Destinations)
				if again := anew.Decide(now, service, up("1")); again.Destinations[0] != d.Destinations[0] {
					t.Errorf("%d in %v: %d became %d with a new agent", whole, slowStart, d.Destinations[0].Weight, again.Destinations[0].Weight)
				}
				now = d.Next
			}
		}
	}
}

func TestWeightOfARealServerThatCameUpGrows(t *testing.T) {
	play(t, serving.Policy{SlowStart: 10 * time.Second},
		step{0, "123", ".1:10 .2:10 .3:10 -.4"}, // those that are up when the director begins have served before
		step{1, "1234", ".1:10 .2:10 .3:10 .4:1 next 2s"},
		step{1.9, "1234", ".1:10 .2:10 .3:10 .4:1 next 2s"},
		step{2, "1234", ".1:10 .2:10 .3:10 .4:1 next 3s"},
		step{6.2, "1234", ".1:10 .2:10 .3:10 .4:5 next 7s"},
		step{7, "124", ".1:10 .2:10 .4:6 -.3 next 8s"},
		step{8, "1234", ".1:10 .2:10 .3:1 .4:7 next 9s"},
		step{9, "123", ".1:10 .2:10 .3:1 -.4 next 10s"}, // .4 is down, and begins anew
		step{10, "1234", ".1:10 .2:10 .3:2 .4:1 next 11s"},
		step{30, "1234", ".1:10 .2:10 .3:10 .4:10"})
}

func TestSlowStartTakesFewSteps(t *testing.T) {
	var state serving.State
	big := []ipvs.Destination{realServer(1, 65535)}
	service := serving.Service{Destinations: big, Policy: serving.Policy{SlowStart: time.Hour}, Waited: true}
	state.Decide(start, service, up(""))
	steps, now := 0, at(1)
	for ; !now.IsZero(); steps++ {
		now = state.Decide(now, service, up("1")).Next
	}
	if steps != 21 {
		t.Errorf("the weight grew in %d steps, want 21: one at once, one every three minutes", steps)
	}
}

func TestWeightComesFromTheAnswer(t *testing.T) {
	var state serving.State
	answers := func(d ipvs.Destination) serving.Health {
		return serving.Health{Up: true, Weight: uint32(d.Address.As4()[3])}
	}
	service := serving.Service{Destinations: pool(), Policy: serving.Policy{Quorum: 10}, Waited: true}
	if got, want := line(state.Decide(start, service, answers)), ".1:1 .2:2 .3:3 .4:4 "; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	service.Policy.Quorum, state = 11, serving.State{}
	if got, want := line(state.Decide(start, service, answers)), ".1:1 .2:2 .3:3 .4:4 lost"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHealthyServiceCopiesNothing(t *testing.T) {
	var state serving.State
	service := serving.Service{Destinations: pool(), Policy: serving.Policy{Quorum: 1, Inhibit: true}, Waited: true}
	all := up("1234")
	if n := testing.AllocsPerRun(10, func() { state.Decide(start, service, all) }); n > 4 { // the four are those of up's text
		t.Errorf("%g allocations", n)
	}
	if d := state.Decide(start, service, all); &d.Destinations[0] != &service.Destinations[0] {
		t.Error("the list was copied")
	}
}

func TestPolicyOutsideItsLimitsIsRefused(t *testing.T) {
	for _, tc := range []struct {
		policy serving.Policy
		want   string
	}{
		{serving.Policy{Quorum: 2, Hysteresis: 2}, "quorum hysteresis 2: want less than the quorum's weight, 2"},
		{serving.Policy{Hysteresis: 1}, "quorum hysteresis 1: want less than the quorum's weight, 0"},
		{serving.Policy{Withdraw: true, Sorry: sorry}, "a sorry server needs the virtual IP: it cannot be withdrawn at the same time"},
		{serving.Policy{Guard: 101}, "panic threshold 101 %: want 0 to 100"},
		{serving.Policy{Guard: 1, Withdraw: true}, "with a panic threshold connections go on to the real servers: neither a sorry server nor withdrawing the virtual IP goes together with it"},
		{serving.Policy{SlowStart: 2 * time.Hour}, "slow start of 2h0m0s: want 0s to 1h0m0s"},
	} {
		if err := tc.policy.Validate(); err == nil || err.Error() != tc.want {
			t.Errorf("%+v: got %v, want %s", tc.policy, err, tc.want)
		}
	}
}
