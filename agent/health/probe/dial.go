// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"net"

	"github.com/lvs-operator/lvs-operator/agent/health"
)

// dial connects to a real server for a check that a library makes. The end of the context closes the connection, so that a library that
// does not heed it ends all the same. The caller closes the connection.
func dial(ctx context.Context, t health.Target) (*overheard, error) {
	dialer := net.Dialer{KeepAlive: -1} // no connection lives long enough
	conn, err := dialer.DialContext(ctx, "tcp", t.Address.String())
	switch {
	case err == nil:
		return &overheard{Conn: conn, closing: context.AfterFunc(ctx, func() { _ = conn.Close() })}, nil
	case ctx.Err() != nil:
		return nil, notConnected(t.Spec.Timeout)
	}
	return nil, reason(err)
}
