// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"context"
	"fmt"
	"net"
)

// ServeDatagrams answers each datagram with name, from the address that conn is bound to. It closes conn and returns nil
// when ctx ends. A client that is gone is its own affair.
func ServeDatagrams(ctx context.Context, conn net.PacketConn, name string) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	datagram := make([]byte, maxAnswer)
	for {
		_, client, err := conn.ReadFrom(datagram)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			_ = conn.Close()
			return fmt.Errorf("serve %s on %s: %w", name, conn.LocalAddr(), err)
		}
		_, _ = conn.WriteTo([]byte(name), client)
	}
}
