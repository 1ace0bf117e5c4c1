// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"testing"

	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

func TestChecksAreMadeReadyOnceAndNotTooManyAreKept(t *testing.T) {
	k, made := kept[int]{}, 0
	for i := range 3 * mostKept {
		c := check.GRPC{Service: fmt.Sprint(i)}
		for range 2 {
			if got := k.of(c, func() int { made++; return i }); got != i {
				t.Fatalf("%v is %d, want %d", c, got, i)
			}
		}
		if len(k) > mostKept {
			t.Fatalf("%d are kept", len(k))
		}
	}
	if made != 3*mostKept {
		t.Errorf("made ready %d times, want %d", made, 3*mostKept)
	}
}
