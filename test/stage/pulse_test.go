// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestAMachineThatStoodStillDisturbs(t *testing.T) {
	for _, test := range []struct {
		name     string
		late     time.Duration
		times    int
		disturbs bool
	}{
		{"as usual", pulseEvery / 2, 100, false},
		{"a moment", longestStandstill, 1, false},
		{"once for long", longestStandstill + 1, 1, true},
		{"a quarter of the time", 25 * time.Millisecond, 100, false},
		{"more than that", 26 * time.Millisecond, 100, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := &pulse{since: time.Now()}
			for range test.times {
				p.beat(test.late)
			}
			time.Sleep(10 * time.Second)
			if still := p.take(); still.Disturbs() != test.disturbs {
				t.Errorf("%s: %s disturbs: %t", test.name, still, still.Disturbs())
			}
			time.Sleep(time.Second)
			if still := p.take(); still.Total != 0 || still.Of != time.Second {
				t.Errorf("%s, and then nothing: %s", test.name, still)
			}
		})
	}
}

func TestAPulseThatHasEndedBeatsNoMore(t *testing.T) {
	p := &pulse{}
	if p.beat(0) {
		t.Error("ended before it was told to")
	}
	p.end()
	if !p.beat(0) {
		t.Error("goes on")
	}
}
