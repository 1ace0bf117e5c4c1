// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"testing"
	"time"

	"github.com/lvs-operator/lvs-operator/test/network/traffic"
)

func TestAnOutcomeSaysWhatFailedAndWhen(t *testing.T) {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var tries []traffic.Try
	for i, failure := range []traffic.Failure{"", "refused", "", "timeout", "timeout", ""} {
		tries = append(tries, traffic.Try{Start: began.Add(time.Duration(i) * time.Second), Failure: failure})
	}
	for _, test := range []struct {
		from, to int
		want     string
		none     bool
	}{
		{0, 6, "3 of 6 connections failed (1 refused, 2 timeout), begun 1.00 to 4.00 s into it", false},
		{2, 4, "1 of 2 connections failed (1 timeout), begun 1.00 to 1.00 s into it", false},
		{5, 6, "0 of 1 connections failed", true},
		{6, 7, "0 of 0 connections failed", false},
	} {
		o := OutcomeOf(tries, began.Add(time.Duration(test.from)*time.Second), began.Add(time.Duration(test.to)*time.Second))
		if o.String() != test.want || o.NoneFailed() != test.none {
			t.Errorf("[%d, %d): %s, none failed: %t", test.from, test.to, o, o.NoneFailed())
		}
	}
}
