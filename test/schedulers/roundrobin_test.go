// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package schedulers

import "testing"

func TestRoundRobinTakesRealServersInTurn(t *testing.T) {
	s := add(t, tcp(t, "rr"), to(1, 1), to(2, 7), to(3, 1))
	names := askTimes(t, 30, someone, s.target())
	for i := 3; i < len(names); i++ {
		if names[i] != names[i-3] {
			t.Fatalf("connection %d went to %s and connection %d to %s, want the same turn again: %v", i-3, names[i-3], i, names[i], names)
		}
	}
	if counts := count(names); counts["rs1"] != 10 || counts["rs2"] != 10 || counts["rs3"] != 10 {
		t.Errorf("30 connections: %v, want 10 each whatever the weights", counts)
	}
}

func TestRoundRobinLeavesOutARealServerOfWeightZero(t *testing.T) {
	s := add(t, tcp(t, "rr"), to(1, 1), to(2, 0), to(3, 1))
	if counts := count(askTimes(t, 10, someone, s.target())); counts["rs1"] != 5 || counts["rs3"] != 5 {
		t.Errorf("10 connections: %v, want rs1 5 and rs3 5", counts)
	}
}

func TestWeightedRoundRobinGivesThreeToOneExactly(t *testing.T) {
	s := add(t, tcp(t, "wrr"), to(1, 3), to(2, 1))
	names := askTimes(t, 100, someone, s.target())
	if counts := count(names); counts["rs1"] != 75 || counts["rs2"] != 25 {
		t.Errorf("100 connections: %v, want rs1 75 and rs2 25", counts)
	}
	for i := 0; i+4 <= len(names); i++ {
		if counts := count(names[i : i+4]); counts["rs1"] != 3 {
			t.Fatalf("connections %d to %d: %v, want 3 and 1 in any four that follow each other", i, i+3, counts)
		}
	}
}
