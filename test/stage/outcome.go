// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lvs-operator/lvs-operator/test/network/traffic"
)

// Outcome is how connections went.
type Outcome struct {
	// Failed of All failed.
	Failed, All int
	// reasons count the failures; first and last are when the connections began that failed, since the time that is looked at began.
	reasons     map[traffic.Failure]int
	first, last time.Duration
}

// OutcomeOf is that of the tries that started in [from, to).
func OutcomeOf(tries []traffic.Try, from, to time.Time) Outcome {
	o := Outcome{reasons: map[traffic.Failure]int{}}
	for _, try := range tries {
		if try.Start.Before(from) || !try.Start.Before(to) {
			continue
		}
		o.All++
		if try.Failure == "" {
			continue
		}
		at := try.Start.Sub(from)
		if o.Failed == 0 {
			o.first, o.last = at, at
		}
		o.Failed++
		o.reasons[try.Failure]++
		o.first, o.last = min(o.first, at), max(o.last, at)
	}
	return o
}

// NoneFailed says that there were connections, and that all were answered.
func (o Outcome) NoneFailed() bool { return o.Failed == 0 && o.All > 0 }

func (o Outcome) String() string {
	text := fmt.Sprintf("%d of %d connections failed", o.Failed, o.All)
	if o.Failed == 0 {
		return text
	}
	var reasons []string
	for _, reason := range slices.Sorted(maps.Keys(o.reasons)) {
		reasons = append(reasons, fmt.Sprintf("%d %s", o.reasons[reason], reason))
	}
	return fmt.Sprintf("%s (%s), begun %.2f to %.2f s into it", text, strings.Join(reasons, ", "), o.first.Seconds(), o.last.Seconds())
}
