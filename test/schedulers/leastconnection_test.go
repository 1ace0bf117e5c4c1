// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package schedulers

import (
	"slices"
	"testing"
)

func TestLeastConnectionFillsWhoHasFewest(t *testing.T) {
	s := add(t, tcp(t, "lc"), to(1, 9), to(2, 1), to(3, 1))
	ends := map[string][]func(){}
	for range 6 {
		name, end := hold(t, someone, s.target())
		ends[name] = append(ends[name], end)
	}
	if len(ends["rs1"]) != 2 || len(ends["rs2"]) != 2 || len(ends["rs3"]) != 2 {
		t.Fatalf("6 held connections: rs1 %d, rs2 %d, rs3 %d; want 2 each whatever the weights", len(ends["rs1"]), len(ends["rs2"]), len(ends["rs3"]))
	}
	for _, end := range ends["rs2"] {
		end()
	}
	eventually(t, "rs2 has no active connection", func() bool { return s.connections(address4(2)).Active == 0 })
	if names := holdTimes(t, 2, s.target()); !slices.Equal(names, []string{"rs2", "rs2"}) {
		t.Errorf("after rs2's two connections ended, the next two went to %v", names)
	}
}

func TestWeightedLeastConnectionHoldsThreeToOne(t *testing.T) {
	s := add(t, tcp(t, "wlc"), to(1, 3), to(2, 1))
	names := holdTimes(t, 16, s.target())
	for held := 4; held <= len(names); held += 4 {
		if counts := count(names[:held]); counts["rs1"] != held/4*3 {
			t.Errorf("%d held connections: %v, want 3 to 1", held, counts)
		}
	}
}

func TestShortestExpectedDelayCountsTheConnectionToCome(t *testing.T) {
	s := add(t, tcp(t, "sed"), to(1, 5), to(2, 2))
	// (active+1)/weight is 1/5, 2/5, 3/5 and so on for rs1, 1/2 and 2/2 for rs2.
	if names, want := holdTimes(t, 5, s.target()), []string{"rs1", "rs1", "rs2", "rs1", "rs1"}; !slices.Equal(names, want) {
		t.Errorf("5 held connections went to %v, want %v", names, want)
	}
}

func TestShortestExpectedDelayLeavesASlowRealServerIdle(t *testing.T) {
	s := add(t, tcp(t, "sed"), to(1, 6), to(2, 1))
	if counts := count(holdTimes(t, 5, s.target())); counts["rs1"] != 5 {
		t.Errorf("5 held connections: %v, want all on rs1", counts)
	}
}

func TestNeverQueueFillsTheIdleBeforeItLooksAtDelays(t *testing.T) {
	s := add(t, tcp(t, "nq"), to(1, 6), to(2, 1))
	names := holdTimes(t, 5, s.target())
	if counts := count(names[:2]); counts["rs1"] != 1 || counts["rs2"] != 1 {
		t.Errorf("the first 2 held connections went to %v, want one to each idle real server", names[:2])
	}
	if counts := count(names[2:]); counts["rs1"] != 3 {
		t.Errorf("the next 3 held connections went to %v, want rs1, as sed", names[2:])
	}
}
