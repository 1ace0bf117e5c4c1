// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package schedulers

import (
	"slices"
	"testing"
)

func TestFailoverUsesTheHighestWeightAlone(t *testing.T) {
	s := add(t, tcp(t, "fo"), to(1, 1), to(2, 3), to(3, 2))
	for _, step := range []struct {
		what string
		do   func()
		want string
	}{
		{"with all real servers", func() {}, "rs2"},
		{"with weight 0 of the first", func() { s.change(to(2, 0)) }, "rs3"},
		{"with weight 0 of the first two", func() { s.change(to(3, 0)) }, "rs1"},
		{"with the first back", func() { s.change(to(2, 3)) }, "rs2"},
	} {
		step.do()
		if names := holdTimes(t, 4, s.target()); count(names)[step.want] != 4 {
			t.Errorf("%s, 4 held connections went to %v, want %s", step.what, names, step.want)
		}
	}
}

func TestOverflowTakesTheNextWhenActiveConnectionsExceedTheWeight(t *testing.T) {
	s := add(t, tcp(t, "ovf"), to(1, 3), to(2, 2), to(3, 1))
	// A real server takes connections while it has no more than its weight of them: so weight and one.
	want := slices.Concat(slices.Repeat([]string{"rs1"}, 4), slices.Repeat([]string{"rs2"}, 3), slices.Repeat([]string{"rs3"}, 2))
	if names := holdTimes(t, len(want), s.target()); !slices.Equal(names, want) {
		t.Errorf("9 held connections went to %v, want %v", names, want)
	}
	if !refused(t, someone, s.target()) {
		t.Error("a connection was taken where every real server is over its weight")
	}
}

func TestPowerOfTwoChoicesHoldsConnectionsInBalance(t *testing.T) {
	if err := loadModule(t.Context(), "ip_vs_twos"); err != nil {
		t.Skip(err) // Debian's kernel has none
	}
	// Two random choices, the less loaded of them: near balance, and exact at no moment.
	counts := count(holdTimes(t, 60, add(t, tcp(t, "twos"), evenly(3)...).target()))
	for _, name := range []string{"rs1", "rs2", "rs3"} {
		if counts[name] < 10 || counts[name] > 30 {
			t.Errorf("60 held connections: %v, want about 20 each", counts)
		}
	}
}
