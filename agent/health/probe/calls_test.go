// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/probe"
)

func TestCallThatEndsAfterCloseIsNotHeardOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := 0
		calls := probe.NewCalls(func() { ended++ })
		freed := make(chan struct{})
		pass := probe.Weightless(func(context.Context, health.Target) error { return nil })
		calls.Start(0, health.Target{}, pass)
		calls.Start(1, health.Target{}, probe.Weightless(func(context.Context, health.Target) error { <-freed; return nil }))
		synctest.Wait()
		calls.End(1)
		calls.Close()
		close(freed)
		synctest.Wait()
		if results := calls.Take(nil); ended != 1 || len(results) != 1 || results[0].Place != 0 {
			t.Errorf("heard %d times of %v, want once, of the first", ended, results)
		}
	})
}
