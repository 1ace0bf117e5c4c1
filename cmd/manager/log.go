// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"log/slog"
)

// afterStop is how controller-runtime logs what comes once it has been told to stop.
const afterStop = "error received after stop sequence was engaged"

// leaseGivenBack is the error that comes then in every orderly stop: the Lease has been given back, as it should be. A Lease
// that is lost before the stop ends the manager with this error, which is logged as the reason.
const leaseGivenBack = "leader election lost"

// orderlyStop logs what its Handler logs, except that the end of the Lease in an orderly stop is INFO and no ERROR: whether
// controller-runtime logs it depends on which of two goroutines is first (kubernetes-sigs/controller-runtime#3535).
type orderlyStop struct{ slog.Handler }

func (h orderlyStop) Handle(ctx context.Context, record slog.Record) error {
	if record.Message == afterStop && givesLeaseBack(record) {
		record.Level = slog.LevelInfo
	}
	return h.Handler.Handle(ctx, record)
}

func (h orderlyStop) WithAttrs(attrs []slog.Attr) slog.Handler {
	return orderlyStop{h.Handler.WithAttrs(attrs)}
}

func (h orderlyStop) WithGroup(name string) slog.Handler {
	return orderlyStop{h.Handler.WithGroup(name)}
}

// givesLeaseBack reports whether one of the record's own values is the error of a Lease that was given back.
func givesLeaseBack(record slog.Record) (found bool) {
	record.Attrs(func(attr slog.Attr) bool {
		err, is := attr.Value.Any().(error)
		found = is && err.Error() == leaseGivenBack
		return !found
	})
	return found
}
