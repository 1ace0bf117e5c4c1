// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"net"
	"syscall"

	"github.com/lvs-operator/lvs-operator/agent/health"
	"github.com/lvs-operator/lvs-operator/agent/health/check"
)

// dial connects to a real server for a check that a library makes. The end of the context closes the connection, so that a library that
// does not heed it ends all the same. The caller closes the connection.
func dial(ctx context.Context, t health.Target) (*overheard, error) {
	dialer := net.Dialer{KeepAlive: -1} // no connection lives long enough
	if via := t.Spec.Via; !via.IsZero() {
		dialer.Control = func(_, _ string, socket syscall.RawConn) error {
			var failure error
			err := socket.Control(func(fd uintptr) { failure = goVia(int(fd), via, t.Address.Addr()) })
			return errors.Join(err, failure)
		}
	}
	conn, err := dialer.DialContext(ctx, "tcp", t.Endpoint().String())
	switch {
	case err == nil:
		return &overheard{Conn: conn, closing: context.AfterFunc(ctx, func() { _ = conn.Close() })}, nil
	case ctx.Err() != nil:
		return nil, check.NoAnswer(t.Spec.Timeout)
	}
	return nil, reason(err)
}
