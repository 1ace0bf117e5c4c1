// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"fmt"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// Call makes one check of a real server by a library, and returns the reason where it does not pass, and the weight that the answer gives.
// The end of the context ends it; why it was not over by then is the reason.
type Call func(context.Context, health.Target) (check.Weight, error)

// Weightless is a call whose answers give no weight.
func Weightless(c func(context.Context, health.Target) error) Call {
	return func(ctx context.Context, t health.Target) (check.Weight, error) { return check.Weight{}, c(ctx, t) }
}

// callOf makes a check ready, for all real servers that are checked by it.
func callOf(c check.Check) Call {
	switch c := c.(type) {
	case check.TLS:
		return tlsCall(c)
	case check.HTTPS:
		return httpsCall(c)
	case check.H2C:
		return h2cCall(c)
	case check.GRPC:
		return grpcCall(c)
	}
	return unusable(fmt.Errorf("this agent has no check of the kind %v", c))
}

// unusable is a check that cannot be made, which says nothing of real servers.
func unusable(why error) Call {
	return Weightless(func(context.Context, health.Target) error { return fmt.Errorf("%w: %w", health.ErrInconclusive, why) })
}
