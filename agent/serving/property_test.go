// SPDX-License-Identifier: Apache-2.0

package serving_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/agent/ipvs"
	"github.com/lvs-operator/lvs-operator/agent/serving"
)

// Whatever happens: both lists are sorted, each real server is in one of them, nobody has more than its whole weight, and who is neither
// up nor the sorry server gets connections only while all do.
func TestDecisionsAreSound(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 0))
		policy := anyPolicy(random)
		if policy.Validate() != nil {
			continue
		}
		var state serving.State
		var last serving.Decision
		now := start
		for range 50 {
			now = now.Add(time.Duration(random.IntN(5000)) * time.Millisecond)
			if random.IntN(10) == 0 {
				state = serving.Resume(now, serving.Service{Destinations: pool(), Policy: policy}, state.Memory(), last.Destinations)
			}
			ups, checked := map[ipvs.Destination]bool{}, random.IntN(3) > 0
			service := serving.Service{Destinations: pool(), Policy: policy, Waited: random.IntN(5) > 0}
			for _, d := range service.Destinations {
				ups[d] = random.IntN(2) == 0
			}
			d := state.Decide(now, service, func(d ipvs.Destination) serving.Health {
				return serving.Health{Up: ups[d], Checked: checked || ups[d], There: true, Weight: d.Weight}
			})
			last = d
			sound(t, policy, service, ups, d)
			if !d.Next.IsZero() && !d.Next.After(now) {
				t.Fatalf("seed %d: at %v the next decision is due at %v", seed, now, d.Next)
			}
		}
	}
}

func anyPolicy(random *rand.Rand) serving.Policy {
	policy := serving.Policy{
		Inhibit: random.IntN(2) == 0, Quorum: random.Uint32N(50), Withdraw: random.IntN(4) == 0,
		Guard: uint8(max(0, random.IntN(200)-100)), SlowStart: time.Duration(random.IntN(2)*random.IntN(30)) * time.Second,
	}
	policy.Hysteresis = random.Uint32N(policy.Quorum + 1)
	switch random.IntN(3) {
	case 0:
		policy.Sorry = sorry
	case 1:
		policy.Sorry = realServer(2, 7)
	}
	return policy
}

func sound(t *testing.T, policy serving.Policy, service serving.Service, ups map[ipvs.Destination]bool, d serving.Decision) {
	t.Helper()
	if !slices.IsSortedFunc(d.Destinations, ipvs.Destination.Compare) {
		t.Fatalf("%+v: not sorted: %s", policy, line(d))
	}
	for _, whole := range service.Destinations {
		i, there := slices.BinarySearchFunc(d.Destinations, whole, ipvs.Destination.Compare)
		if down := slices.Contains(d.Down, whole.Key()); there == down {
			t.Fatalf("%+v: %s is in both lists or in none: %s", policy, whole, line(d))
		}
		if !there || d.Consequence == serving.Apologizes && whole.Key() == policy.Sorry.Key() {
			continue
		}
		weight := d.Destinations[i].Weight
		if weight > whole.Weight || weight > 0 && !ups[whole] && d.Consequence != serving.SendsToAll || weight > 0 && d.Consequence == serving.Apologizes {
			t.Fatalf("%+v: %s has weight %d: %s", policy, whole, weight, line(d))
		}
	}
}
